"""Values that identify a person, in claims with every kind of fault, appear nowhere the contract says no."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.embedded_kafka import EmbeddedKafka
from streams.settings import known_variables
from streams.topics import Layout
from tests.integration.personal_data.faults import FAULTY, NOT_OF_INTAKE, TOO_LARGE_TO_DECIDE, broken, many
from tests.integration.personal_data.permissions import PERMISSIONS
from tests.integration.personal_data.run import BROKEN, LAYOUT_SETTINGS, PARTITIONS, ROOT, Run, claimstream
from tests.integration.personal_data.searching import Places, Searcher, refused
from tests.integration.personal_data.seeds import VALUES, WELL

BROKEN_WHERE = (
    "value", "validation", "system", "group", "everywhere", "crash", "deciding", "changelog", "output", "rule",
)  # fmt: skip
SIGNS = (
    "ValueError at", "ValidationError at", "FileNotFoundError at", "ExceptionGroup at", "NotInLogError at",
    "RecordTooLarge at", "MessageSizeTooLargeError at", "KafkaConnectionError", "Task exception was never retrieved",
    "Exception in callback fail", "a thread ended by an error", "an error was ignored", "UserWarning",
    "the consumer thread crashed", "Crashed reason=RuntimeError", "ended with exit code 70", "ended by SIGKILL",
    "most recent call first", "Error handling request",
)  # fmt: skip
"""What the log says of the faults that happened."""

CODES = {
    "malformed-json", "not-utf8", "duplicate-key", "not-a-number", "too-deep", "too-large", "missing-field",
    "wrong-type", "unknown-value", "unknown-format", "unknown-content-type", "unknown-version", "truncated",
    "unsupported-transaction", "bad-envelope", "misplaced-segment", "not-a-claim", "unprocessable",
}  # fmt: skip
"""Why records became dead letters."""

NOT_SENT = {"file name", "path of the endpoint", "body sent to the endpoint"}
SECRET = "Kd8fJq2-secret-Zx41"
SEARCHER = Searcher(VALUES)


def assert_nothing_refused(places: Places) -> None:
    found = refused(places.hits(SEARCHER), PERMISSIONS)
    assert [] == found, "\n".join(f"{value}: in the {place}" for place, value in found)


@pytest.fixture(scope="module")
def kafka() -> Iterator[EmbeddedKafka]:
    """A broker of its own: it is killed, and its log is searched."""
    with EmbeddedKafka() as broker:
        yield broker


@pytest.fixture
def layout() -> Layout:
    return Layout(partitions=PARTITIONS, received_partitions=PARTITIONS)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of files, one a record, named like a person."""
    folder = tmp_path / VALUES["file name"]
    folder.mkdir()
    for number, record in enumerate((*WELL, *FAULTY)):
        (folder / f"{VALUES['file name']}-{number:02}").write_bytes(record.value)
    return folder


@pytest.fixture
def places_to_leave_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The folders a worker could leave something in, by the variable that names them."""
    folders = {name: tmp_path / name for name in ("PWD", "TMPDIR", "HOME", "BROKEN_ONCE", "CLAIMSTREAM_STATE__DIR")}
    for folder in folders.values():
        folder.mkdir()
    monkeypatch.chdir(folders["PWD"])
    return folders


def test_every_value_is_sent_and_every_fault_is_another():
    sent = [*WELL, *FAULTY, *NOT_OF_INTAKE]
    texts = (part for each in sent for part in (each.value[: 1 << 16], each.key or b"", repr(each.headers).encode()))

    assert VALUES.keys() - NOT_SENT == SEARCHER.find(b"\n".join(texts))
    assert 50 <= len(VALUES)
    assert 40 <= len({each.fault for each in sent} - {""})


async def test_no_value_that_identifies_a_person_is_where_the_contract_says_no(
    topics, start_worker, kafka, files, places_to_leave_files
):
    folders = {name: str(folder) for name, folder in places_to_leave_files.items()}
    python = {"PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1", "PYTHONWARNINGS": "default"}
    loud = {"CLAIMSTREAM_LOG_LEVEL": "debug"}
    worker = start_worker("--processes", "2", module=BROKEN, **LAYOUT_SETTINGS, **loud, **python, **folders)
    run = Run(worker, kafka.bootstrap, topics)

    await every_fault_happens(run, kafka)
    exit_codes = await run.see_commands(files, places_to_leave_files["CLAIMSTREAM_STATE__DIR"])
    await run.see_topics()
    run.see_files(*places_to_leave_files.values())
    run.places.add("log of the worker", worker.log())
    run.places.add("log of the broker", kafka.log_file.read_bytes())

    assert [] == [sign for sign in SIGNS if sign not in worker.log()]
    assert set() == CODES - run.codes
    assert [0, 0, 0, 0, 1] == exit_codes  # the broker's topic differs by what it was made to refuse
    assert_nothing_refused(run.places)


async def every_fault_happens(run: Run, kafka: EmbeddedKafka) -> None:
    """Send what is well and what is not, break what can be broken, and end with work in hand."""
    await run.ready()
    await run.send(*WELL, *FAULTY)
    await run.write_to_log(*NOT_OF_INTAKE)
    await run.all_is_decided()
    await run.send(*map(broken, BROKEN_WHERE), TOO_LARGE_TO_DECIDE, *WELL)
    await run.all_is_decided()
    await run.ready()
    run.see_processes()
    await run.send(*many("before the broker goes"))
    kafka.kill()
    kafka.start()
    await run.send(*many("after the broker came"))
    for pid in run.pids():
        os.kill(pid, signal.SIGUSR1)  # Faust's way to ask a process what it is doing
        os.kill(pid, signal.SIGUSR2)  # and its way into a debugger
    await run.all_is_decided()
    os.kill(run.pids()[0], signal.SIGKILL)
    await run.send(*many("without one process"))
    await run.all_is_decided()
    await run.ready()  # one that starts would refuse the topic
    await run.refuse_decisions(run.topics.denied_risk)
    await run.send(*WELL, broken("nowhere"))
    await run.all_is_decided()
    await run.ready()
    run.see_endpoint()
    await run.see_names()
    await run.send(*many("as it ends"))
    assert 0 == run.worker.terminate()


@pytest.mark.parametrize("output", ["text", "json", "csv"])
def test_check_names_claims_and_files_and_no_person(files, output):
    def file(number: int) -> str:
        return str(files / f"{VALUES['file name']}-{number:02}")

    known = ("--authorizations", file(0), "--encounters", file(1), "--history", file(2))
    places, exit_codes = Places(), []
    for options in ((), known, *((option, file(len(WELL) + 2)) for option in known[::2])):
        said = claimstream("check", "--output", output, *options, str(files))
        places.add("what check says", said.stdout, said.stderr)
        exit_codes.append(said.returncode)

    assert [1, 1, 3, 3, 3] == exit_codes
    assert_nothing_refused(places)


def test_a_command_that_fails_in_a_way_nobody_foresaw_names_type_and_place_only(tmp_path):
    said = claimstream("worker", "--fail-at-start", module=BROKEN, BROKEN_ONCE=str(tmp_path))

    assert 1 == said.returncode
    assert b"ValueError" in said.stderr
    assert set() == SEARCHER.find(said.stdout + said.stderr)


def test_no_message_about_a_setting_shows_its_value():
    said = {variable: claimstream("worker", **{variable: SECRET}) for variable in known_variables()}

    assert {2} == {each.returncode for each in said.values()}
    assert [] == [name for name, each in said.items() if SECRET.encode() in each.stdout + each.stderr]
