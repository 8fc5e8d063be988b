import asyncio
import io
import logging
import logging.config
import subprocess
import sys

import pytest
from aiokafka.errors import KafkaConnectionError
from pydantic import ValidationError

from schemas.claim import Claim
from streams.logs import PlainFormatter, config
from streams.settings import SettingsError

SECRET = "Wilhelmina Quackenbush"


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(stream) -> logging.Logger:
    logger = logging.getLogger("tests.of.logs")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PlainFormatter())
    logger.propagate = False
    logger.handlers = [handler]
    return logger


def chained() -> None:
    try:
        {}[SECRET]
    except KeyError as error:
        raise ValueError(f"of {SECRET}") from error


def test_an_exception_is_its_type_and_places_without_its_text(log, stream):
    try:
        chained()
    except ValueError:
        log.exception("a record failed")

    assert SECRET not in stream.getvalue()
    assert "a record failed" in stream.getvalue()
    assert "in chained\n  ValueError" in stream.getvalue()


@pytest.mark.parametrize("template", ["failed: %s", "failed: %r", "%-80s"])
def test_an_exception_as_an_argument_is_its_type(log, stream, template):
    log.warning(template, ValueError(SECRET))

    assert SECRET not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_an_exception_among_named_arguments_is_its_type(log, stream):
    log.warning("%(what)s failed: %(why)s", {"what": "a record", "why": ValueError(SECRET)})

    assert stream.getvalue().endswith("a record failed: ValueError\n")


def test_the_text_of_an_exception_is_taken_out_of_the_message(log, stream):
    error = ValueError(SECRET, "of the claim")
    log.error(f"<Task exception={error!r}> {error}", exc_info=error)  # noqa: G004 - as asyncio does

    assert SECRET not in stream.getvalue()
    assert "of the claim" not in stream.getvalue()


def test_the_text_of_what_is_behind_an_exception_is_taken_out_too(log, stream):
    try:
        chained()
    except ValueError as error:
        log.exception("caused by %s", str(error.__cause__))
    group = ExceptionGroup("several", [ValueError(SECRET)])
    log.error(f"{group!r}", exc_info=group)  # noqa: G004 - as above

    assert SECRET not in stream.getvalue()


def test_the_values_of_a_claim_that_fails_validation_are_not_shown(log, stream):
    try:
        Claim.model_validate({"claim_id": [SECRET]})
    except ValidationError as error:
        log.exception("not canonical: %s", error)  # noqa: TRY401 - somebody does

    assert SECRET not in stream.getvalue()


def test_text_another_handler_left_behind_is_not_used(stream):
    record = logging.LogRecord("a", logging.ERROR, "", 0, "failed", (), None)
    try:
        int(SECRET)
    except ValueError:
        record.exc_info = sys.exc_info()
    logging.Formatter().format(record)

    assert SECRET in record.exc_text
    assert SECRET not in PlainFormatter().format(record)
    assert SECRET in record.exc_text


async def test_a_task_that_fails_unseen_shows_nothing(log, stream):
    async def failing() -> None:
        raise ValueError(SECRET)

    task = asyncio.ensure_future(failing())
    await asyncio.wait([task])
    log.error("%s", f"Task exception was never retrieved\nfuture: {task!r}", exc_info=task.exception())

    assert SECRET not in stream.getvalue()
    assert "never retrieved" in stream.getvalue()


@pytest.mark.parametrize(
    "error",
    [
        SettingsError("CLAIMSTREAM_PACKS is wrong"),
        KafkaConnectionError("no node"),
        ConnectionRefusedError(111, "refused"),
    ],
)
def test_what_is_written_for_operators_is_shown(log, stream, error):
    log.warning("%s; trying again", error)

    assert f"{error}; trying again" in stream.getvalue()


@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file", SECRET), OSError(SECRET)])
def test_what_the_system_says_of_a_file_or_in_words_of_another_is_not_shown(log, stream, error):
    log.warning("not read: %s", error)

    assert SECRET not in stream.getvalue()
    assert f"not read: {type(error).__name__}" in stream.getvalue()


async def test_what_asyncio_shows_of_arguments_is_left_out(stream):
    def failing(_name: str) -> None:
        raise ValueError

    logger = logging.getLogger("asyncio")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PlainFormatter())
    logger.addHandler(handler)
    try:
        asyncio.get_running_loop().call_soon(failing, SECRET)
        await asyncio.sleep(0)
    finally:
        logger.removeHandler(handler)

    assert SECRET[:6] not in stream.getvalue()
    assert "Exception in callback" in stream.getvalue()
    assert "ValueError" in stream.getvalue()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raise ValueError(secret)", "ended by an error nobody foresaw, a defect"),
        ("raise OSError(28, 'No space left')", "ended by an error nobody foresaw ([Errno 28] No space left)"),
        ("threading.Thread(target=int, args=(secret,)).start()", "a thread ended by an error"),
        ("import warnings; warnings.warn(secret)", "<string>:2: UserWarning"),
        ("type('Ended', (), {'__del__': lambda self: int(secret)})()", "an error was ignored"),
        ("raise KeyboardInterrupt(secret)", ""),
    ],
)
def test_what_python_reports_by_itself_shows_type_and_place_only(fault, said):
    program = (
        f"import sys, threading; from streams import logs; logs.hide_values_in_reports(); secret = sys.argv[1]\n{fault}"
    )

    ended = subprocess.run([sys.executable, "-c", program, SECRET], capture_output=True, text=True, check=False)

    assert SECRET not in ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_short_text_does_not_tear_a_message_apart(log, stream):
    log.error("a plain sentence", exc_info=ValueError("a"))

    assert "a plain sentence\n  ValueError" in stream.getvalue()


def test_a_message_without_exception_is_a_line(log, stream):
    log.warning("100%% of %s, %d%%", "claims", 7)
    log.warning("no arguments, 100%")

    first, second = stream.getvalue().splitlines()
    assert first.endswith("WARNING tests.of.logs: 100% of claims, 7%")
    assert second.endswith("no arguments, 100%")


def test_no_exception_is_said_to_be_none(log, stream):
    log.error("failed", exc_info=True)  # noqa: LOG014 - somebody does

    assert "no exception" in stream.getvalue()


@pytest.mark.parametrize("level", ["info", "debug"])
def test_the_configuration_is_one_logging_takes(level):
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    try:
        logging.config.dictConfig(config(level))
        assert root.level == getattr(logging, level.upper())
        assert logging.getLogger("aiokafka").level == logging.WARNING
    finally:
        root.setLevel(before[0])
        root.handlers = before[1]
