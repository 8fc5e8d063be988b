import asyncio
from types import SimpleNamespace

import pytest

from streams import topic_watch
from streams.broker_settings import BrokerSettings
from streams.setting_types import SettingsError
from streams.topic_layout import Difference
from streams.topic_watch import TopicWatch
from streams.topics import BrokerUnreachable


class Scene:
    """A watch whose broker says what the test puts into `says`."""

    def __init__(self, monkeypatch) -> None:
        self.says = []
        self.looked = asyncio.Event()
        self.ends = []
        monkeypatch.setattr(topic_watch, "check_topics", self.check_topics)
        app = SimpleNamespace(end=lambda *end: self.ends.append(end))
        self.watch = TopicWatch(app, BrokerSettings(), every_seconds=3600)

    async def check_topics(self, *_args, **_options):
        self.looked.set()
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


class Unreadable(BrokerSettings):
    """Settings whose secrets are just being exchanged."""

    def client_options(self):
        raise SettingsError("CLAIMSTREAM_BROKER__PASSWORD_FILE cannot be read")


@pytest.fixture
async def scene(monkeypatch):
    return Scene(monkeypatch)


def difference(topic: str, kind: str) -> Difference:
    return Difference(topic, kind, "2", "3", f"{topic}: {kind}")


async def test_topics_as_laid_out_end_nothing(scene):
    await scene.watch.look()

    assert (scene.ends, scene.watch.missing) == ([], ())


@pytest.mark.parametrize("topic", ["claims.received", "claims.patient-events", "claims.flagged"])
async def test_another_partition_count_ends_the_worker_with_the_sentence_of_the_layout(scene, topic):
    scene.says = [difference(topic, "partitions")]
    await scene.watch.look()

    assert scene.ends == [(2, f"{topic}: partitions")]


@pytest.mark.parametrize(("topic", "kind"), [("claims.manifests", "partitions"), ("claims.received", "retention.ms")])
async def test_what_moves_no_patient_between_partitions_ends_nothing(scene, topic, kind):
    scene.says = [difference(topic, kind)]
    await scene.watch.look()

    assert scene.ends == []


async def test_it_says_whether_the_broker_takes_new_connections(scene):
    answers = []
    scene.watch.on_answer = lambda: answers.append("yes")
    scene.watch.on_no_answer = lambda: answers.append("no")
    await scene.watch.look()
    scene.says = BrokerUnreachable("no Kafka broker answers")
    await scene.watch.look()
    scene.says = []
    scene.watch._broker = Unreadable()
    await scene.watch.look()

    assert answers == ["yes", "no", "no"]


async def test_a_missing_topic_is_said_until_it_is_there(scene, caplog):
    scene.says = [difference("claims.accepted", "missing")]
    await scene.watch.look()

    assert scene.watch.missing == ("claims.accepted: missing",)
    assert "claims.accepted: missing; nothing is lost, what needs it waits" in caplog.text

    scene.says = []
    await scene.watch.look()

    assert scene.watch.missing == ()


async def test_a_secret_that_cannot_be_read_for_a_moment_is_read_again_later(scene, caplog):
    scene.watch._broker = Unreadable()
    await scene.watch.look()

    assert scene.ends == []
    assert "the topics could not be looked at: CLAIMSTREAM_BROKER__PASSWORD_FILE cannot be read" in caplog.text


async def test_a_broker_that_is_away_is_asked_again_later(scene, caplog):
    scene.says = BrokerUnreachable("no Kafka broker answers")
    await scene.watch.look()

    assert scene.ends == []
    assert "the topics could not be looked at: no Kafka broker answers" in caplog.text


async def test_a_look_can_be_asked_for_before_its_time(scene):
    await scene.watch.start()
    scene.watch.soon()
    async with asyncio.timeout(5):
        await scene.looked.wait()
    await scene.watch.stop()

    assert scene.watch.missing == ()
