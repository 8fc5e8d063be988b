import pytest

from streams.topic_layout import Difference, Found, Layout, Topic, Topics, compare
from streams.topics import TopicsDiffer

MIB = 1024 * 1024
DAY_MS = 86_400_000
NAMES = Topics()
DEFAULT = Layout()
TABLE = [
    # name, partitions, cleanup.policy, retention in days, max.message.bytes in MiB
    ("claims.received", 4, "delete", 30, 16),
    ("claims.patient-events", 8, "delete", 730, 10),
    ("claims.accepted", 8, "delete", 730, 2),
    ("claims.flagged", 8, "delete", 730, 2),
    ("claims.denied-risk", 8, "delete", 730, 2),
    ("claims.acknowledgements", 4, "delete", 30, 2),
    ("claims.manifests", 4, "delete", 730, 2),
    ("claims.state-changelog", 8, "compact", None, 2),
    ("claims.received-dlt", 4, "delete", 90, 17),
    ("claims.patient-events-dlt", 4, "delete", 90, 12),
]


def row(topic: Topic) -> tuple[str, int, str, int | None, int]:
    config = topic.config
    days = int(config["retention.ms"]) // DAY_MS if "retention.ms" in config else None
    return topic.name, topic.partitions, config["cleanup.policy"], days, int(config["max.message.bytes"]) // MIB


def as_found(*topics: Topic) -> dict[str, Found]:
    return {topic.name: Found(topic.partitions, 1, topic.config) for topic in topics}


def changed(topic: Topic, **config: str) -> Found:
    settings = {name.replace("_", "."): value for name, value in config.items()}
    return Found(topic.partitions, 1, {**topic.config, **settings})


def differences_of(found: dict[str, Found], layout: Layout = DEFAULT) -> list[Difference]:
    return compare(layout.topics(NAMES), NAMES, found)


def wanted(name: str, layout: Layout = DEFAULT) -> Topic:
    return next(topic for topic in layout.topics(NAMES) if topic.name == name)


def test_the_layout_is_that_of_the_contract() -> None:
    assert [row(topic) for topic in DEFAULT.topics(NAMES)] == TABLE


def test_every_topic_says_its_timestamps_and_compression() -> None:
    settings = {
        (topic.config["message.timestamp.type"], topic.config["compression.type"]) for topic in DEFAULT.topics(NAMES)
    }

    assert settings == {("LogAppendTime", "producer")}


def test_topics_that_go_with_the_log_have_its_partition_count() -> None:
    topics = {topic.name: topic for topic in Layout(partitions=12).topics(NAMES)}

    assert {topics[name].partitions for name in NAMES.copartitioned} == {12}


def test_personal_data_leaves_soon_after_its_time_and_long_logs_have_few_segments() -> None:
    days = {
        int(topic.config["retention.ms"]) // DAY_MS: int(topic.config["segment.ms"]) // DAY_MS
        for topic in DEFAULT.topics(NAMES)
        if "retention.ms" in topic.config
    }

    assert days == {30: 1, 90: 1, 730: 7}


def test_the_prefix_stands_before_every_name() -> None:
    plain = [topic.name for topic in DEFAULT.topics(NAMES)]
    prefixed = [topic.name for topic in DEFAULT.topics(Topics("demo."))]

    assert prefixed == [f"demo.{name}" for name in plain]


def test_each_topic_has_an_attribute() -> None:
    names = Topics("x.")

    assert names.received_dlt == "x.claims.received-dlt"
    assert names.patient_events_dlt == names.dlt_of("x.claims.patient-events")
    assert [names.outcome(outcome) for outcome in ("accepted", "flagged", "denied-risk")] == [
        names.accepted,
        names.flagged,
        names.denied_risk,
    ]


def test_an_unknown_outcome_is_refused() -> None:
    with pytest.raises(ValueError, match="'paid' is not an outcome; the outcomes are accepted, flagged, denied-risk"):
        NAMES.outcome("paid")


def test_a_topic_that_is_only_written_has_no_dead_letters() -> None:
    with pytest.raises(ValueError, match=r"'claims\.accepted' has no dead letters"):
        NAMES.dlt_of(NAMES.accepted)


@pytest.mark.parametrize("prefix", ["a b", "a/", "ä", "x" * 201])
def test_a_prefix_kafka_would_not_take_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="letters, digits, dots, hyphens, underscores"):
        Topics(prefix)


def test_what_is_as_the_contract_has_it_gives_no_difference() -> None:
    assert differences_of(as_found(*DEFAULT.topics(NAMES))) == []


def test_larger_records_than_the_contract_asks_for_are_no_difference() -> None:
    topic = wanted(NAMES.accepted)
    found = as_found(*DEFAULT.topics(NAMES)) | {topic.name: changed(topic, max_message_bytes=str(3 * MIB))}

    assert differences_of(found) == []


def test_a_missing_topic_is_a_difference() -> None:
    found = as_found(*DEFAULT.topics(NAMES))
    del found[NAMES.manifests]

    message = "topic claims.manifests does not exist; run `claimstream topics apply`"
    assert differences_of(found) == [Difference(NAMES.manifests, "missing", "a topic", "none", message)]


@pytest.mark.parametrize(
    ("name", "setting", "value", "sentence"),
    [
        (
            NAMES.state_changelog,
            "cleanup.policy",
            "delete",
            "has cleanup.policy=delete instead of compact; set it with",
        ),
        (NAMES.received, "max.message.bytes", "1048588", "has max.message.bytes=1048588 instead of at least 16777216;"),
        (
            NAMES.manifests,
            "retention.ms",
            "604800000",
            "has retention.ms=604800000 instead of 63072000000; set it with",
        ),
        (NAMES.flagged, "retention.bytes", "1000", "has retention.bytes=1000 instead of -1; set it with"),
        (
            NAMES.received,
            "message.timestamp.type",
            "CreateTime",
            "type=CreateTime instead of LogAppendTime; set it with",
        ),
    ],
)
def test_a_setting_that_differs_says_what_and_how_to_fix_it(name: str, setting: str, value: str, sentence: str) -> None:
    found = as_found(*DEFAULT.topics(NAMES))
    found[name] = Found(found[name].partitions, 1, {**found[name].config, setting: value})

    [difference] = differences_of(found)

    assert (difference.topic, difference.kind, difference.found) == (name, setting, value)
    assert sentence in difference.message
    assert f"--alter --topic {name} --add-config {setting}={difference.expected}`" in difference.message


@pytest.mark.parametrize(
    ("name", "count", "fix"),
    [
        (NAMES.received, 6, "set CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS=6"),
        (NAMES.manifests, 2, "run `kafka-topics.sh --alter --topic claims.manifests --partitions 4`"),
        (NAMES.manifests, 6, "once it has been read, delete it and run `claimstream topics apply`"),
    ],
)
def test_another_partition_count_says_how_to_fix_it(name: str, count: int, fix: str) -> None:
    found = as_found(*DEFAULT.topics(NAMES))
    found[name] = Found(count, 1, found[name].config)

    message = f"topic {name} has {count} partitions instead of 4; {fix}"
    assert differences_of(found) == [Difference(name, "partitions", "4", str(count), message)]


def test_a_broker_laid_out_for_another_setting_is_told_to_use_that_setting() -> None:
    differences = differences_of(as_found(*Layout(partitions=12).topics(NAMES)))

    assert {(each.topic, each.kind) for each in differences} == {(name, "partitions") for name in NAMES.copartitioned}
    assert "set CLAIMSTREAM_BROKER__PARTITIONS=12 or another CLAIMSTREAM_BROKER__PREFIX" in differences[0].message


def test_unequal_partition_counts_are_a_difference_of_their_own() -> None:
    found = as_found(*DEFAULT.topics(NAMES))
    found[NAMES.flagged] = Found(4, 1, found[NAMES.flagged].config)

    differences = differences_of(found)

    assert [(each.topic, each.kind) for each in differences] == [
        (NAMES.flagged, "partitions"),
        (NAMES.patient_events, "unequal-partitions"),
    ]
    assert "claims.patient-events has 8, claims.accepted has 8, claims.flagged has 4" in differences[1].message


def test_the_replication_factor_counts_only_where_it_was_asked_for() -> None:
    found = as_found(*DEFAULT.topics(NAMES))

    assert differences_of(found) == []
    assert {each.kind for each in differences_of(found, Layout(replication_factor=3))} == {"replication-factor"}


def test_the_refusal_is_one_sentence_and_counts_the_rest() -> None:
    differences = differences_of({})

    assert str(TopicsDiffer(differences[:1])) == (
        "the topics are not as the contract has them: "
        "topic claims.received does not exist; run `claimstream topics apply`"
    )
    assert str(TopicsDiffer(differences)).endswith("(9 more; see `claimstream topics check`)")
    assert TopicsDiffer(differences).differences == tuple(differences)
