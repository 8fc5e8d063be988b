import pytest
from aiokafka import errors

from streams.chunks.trouble import RecordTooLarge, concerns, told

TOPIC = "claims.accepted"


def of_topic(exc: Exception) -> Exception:
    concerns(exc, TOPIC)
    concerns(exc, TOPIC)
    return exc


@pytest.mark.parametrize(
    ("exc", "fix"),
    [
        (errors.TopicAuthorizationFailedError({TOPIC}), f"--operation Describe --topic {TOPIC}` allows it"),
        (of_topic(errors.TopicAuthorizationFailedError()), f"--operation Describe --topic {TOPIC}` allows it"),
        (errors.GroupAuthorizationFailedError("g"), "--operation Read --group claims` allows it"),
        (errors.ClusterAuthorizationFailedError(), "--operation IdempotentWrite --cluster` allows it"),
        (errors.SaslAuthenticationFailed(), "the broker does not take our login"),
        (of_topic(errors.UnknownTopicOrPartitionError()), f"if topic {TOPIC} was deleted, run `claimstream topics"),
        (of_topic(errors.MessageSizeTooLargeError()), f"raise max.message.bytes of topic {TOPIC}: "),
        (
            RecordTooLarge(TOPIC, 9, 5),
            f"over the 5 bytes of {TOPIC}'); raise max.message.bytes of topic {TOPIC}",
        ),
        (errors.TopicAuthorizationFailedError(), "--topic TOPIC` allows it"),
    ],
)
def test_trouble_of_the_broker_is_told_with_its_fix(exc: Exception, fix: str) -> None:
    assert fix in told(exc, group="claims")


def test_other_trouble_of_the_broker_is_told_in_its_own_words() -> None:
    assert told(errors.KafkaConnectionError("refused")) == "KafkaConnectionError('refused')"


def test_what_our_own_exceptions_say_is_not_told() -> None:
    assert told(ValueError("1EG4TE5MK73")) == "ValueError"
