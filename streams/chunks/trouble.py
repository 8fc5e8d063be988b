"""What to say of trouble: its place when it is ours, its cause and the fix when it is the broker's."""

from pathlib import Path
from traceback import walk_tb

from aiokafka import errors


class RecordTooLarge(ValueError):  # noqa: N818 - named after Kafka's RECORD_TOO_LARGE
    """The broker would refuse a record of this size on this topic; it says topic and sizes, never content."""

    def __init__(self, topic: str, record_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"a record of {record_bytes} bytes is over the {limit_bytes} bytes of {topic}")
        self.topic = topic
        self.record_bytes = record_bytes
        self.limit_bytes = limit_bytes


_ALLOW = "`kafka-acls.sh --add --allow-principal User:NAME"
_LARGER = (
    "raise max.message.bytes of topic {topic}: `claimstream topics check` says to what, "
    "`kafka-configs.sh --alter --topic {topic} --add-config max.message.bytes=BYTES` does it"
)
_FIXES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (errors.TopicAuthorizationFailedError,),
        f"{_ALLOW} --operation Read --operation Write --operation Describe --topic {{topic}}` allows it",
    ),
    ((errors.GroupAuthorizationFailedError,), f"{_ALLOW} --operation Read --group {{group}}` allows it"),
    ((errors.ClusterAuthorizationFailedError,), f"{_ALLOW} --operation IdempotentWrite --cluster` allows it"),
    (
        (
            errors.AuthenticationFailedError,
            errors.AuthenticationMethodNotSupported,
            errors.SaslAuthenticationFailed,
            errors.UnsupportedSaslMechanismError,
            errors.IllegalSaslStateError,
        ),
        "the broker does not take our login; correct it there (`kafka-configs.sh --entity-type users`) or here",
    ),
    (
        (
            errors.UnknownTopicOrPartitionError,
            errors.NotLeaderForPartitionError,
            errors.LeaderNotAvailableError,
        ),
        "if topic {topic} was deleted, run `claimstream topics apply`",
    ),
    ((errors.MessageSizeTooLargeError, errors.RecordTooLargeError, RecordTooLarge), _LARGER),
)


def place_of(exc: BaseException) -> str:
    """Type and place of an exception, for logs; its text and arguments may hold values of a claim."""
    frames = list(walk_tb(exc.__traceback__))
    if not frames:
        return type(exc).__name__
    frame, line = frames[-1]
    return f"{type(exc).__name__} at {Path(frame.f_code.co_filename).name}:{line}"


def concerns(exc: BaseException, topic: str) -> None:
    """Note which topic the broker refused; most of its errors do not say."""
    if topic not in getattr(exc, "__notes__", ()):
        exc.add_note(topic)


def told(exc: Exception, *, group: str = "GROUP") -> str:
    """What an exception says, for logs: the broker's own words and the fix; of our own code only type and place."""
    if not isinstance(exc, errors.KafkaError | RecordTooLarge):
        return place_of(exc)
    for kinds, fix in _FIXES:
        if isinstance(exc, kinds):
            return f"{exc!r}; {fix.format(topic=_topic_of(exc), group=group)}"
    return repr(exc)


def _topic_of(exc: Exception) -> str:
    """The topic an error is about; of several one."""
    if isinstance(exc, RecordTooLarge):
        return exc.topic
    if notes := getattr(exc, "__notes__", ()):
        return str(notes[0])
    named = exc.args[0] if exc.args else "TOPIC"
    return str(min(named, default="TOPIC")) if isinstance(named, set | frozenset | list | tuple) else str(named)
