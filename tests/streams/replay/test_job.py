from dataclasses import replace

import pytest

from schemas.decision import RulesetVersion
from streams.replay.job import Asked, Job, JobLayout, JobRefusedError, JobTopics
from streams.replay.window import Bound
from streams.topic_layout import Layout, Topics

RULES = RulesetVersion(version="1", sha256="a" * 64)
ASKED = Asked("claims.patient-events", Bound(offset=1), Bound.read("2026-06-15T00:00:00Z"), RULES)
JOB = Job("claims.patient-events", "offset:1", "2026-06-15T00:00:00.000Z", RULES, (range(1, 5), range(3, 3)))


def test_a_job_is_read_as_it_was_written():
    assert JOB == Job.decode(JOB.encode())
    assert JOB.positions == 4


def test_a_job_of_a_newer_program_is_refused():
    with pytest.raises(JobRefusedError, match="version 2"):
        Job.decode(JOB.encode().replace(b'"v": 1', b'"v": 2'))


def test_a_job_goes_on_with_what_it_was_begun_with():
    ASKED.require(JOB, "june")
    same_instant = Bound.read("2026-06-15T02:00:00+02:00")
    replace(ASKED, end=same_instant).require(JOB, "june")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": "x.claims.patient-events"}, "source claims.patient-events, not x.claims"),
        ({"start": Bound(offset=2)}, "start offset:1, not offset:2"),
        ({"end": Bound(offset=2)}, "end 2026-06-15T00:00:00.000Z, not offset:2"),
        ({"ruleset": RulesetVersion(version="1", sha256="b" * 64)}, "ruleset aaaaaaaaaaaa, not bbbbbbbbbbbb"),
    ],
)
def test_a_job_under_other_terms_is_refused(changes, words):
    with pytest.raises(JobRefusedError, match=words):
        replace(ASKED, **changes).require(JOB, "june")


def test_the_topics_of_a_job_stand_under_its_name():
    topics = JobTopics("demo.", "june")

    assert topics.denied_risk == "demo.claims.replay.june.denied-risk"
    assert topics.parameters == "demo.claims.replay.june.job"
    assert topics.group == "demo.claimstream-replay-june"


@pytest.mark.parametrize("name", ["", "a.b", "-a", "a b", "x" * 65, "é"])
def test_a_job_has_a_name_that_topics_can_have(name):
    with pytest.raises(ValueError, match="use up to 64 letters"):
        JobTopics("", name)


def test_the_outputs_of_a_job_are_laid_out_as_the_live_ones():
    live = {topic.name: topic for topic in Layout(partitions=3).topics(Topics())}
    outputs = JobLayout(partitions=3).topics(JobTopics("", "june"))

    for topic in outputs[:3]:
        same = live[topic.name.replace("replay.june.", "")]
        assert (same.partitions, same.config) == (topic.partitions, topic.config)
    assert (outputs[3].partitions, outputs[3].config["retention.ms"]) == (1, "-1")
