"""`claimstream`, whose own code fails where a claim asks for it, with values of the claim in every exception's text.

A claim asks by its id: BROKEN-<where>. Otherwise all is as in `python -m streams`.
"""

import asyncio
import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Never

from schemas.claim import Claim
from streams import app
from streams.agents import intake, validate
from streams.cli import main
from streams.deciding import Decider
from streams.state import patients
from streams.supervisor.parent import Supervisor
from tests.integration.personal_data.seeds import VALUES
from validators.code import code03_add_on_without_primary as code03

NAMES = " ".join(VALUES.values())
ONCE = Path(os.environ["BROKEN_ONCE"])
"""A folder: what ends the process does so only while it is not noted there."""

built: list[app.Parts] = []


class Unwell:
    """Its repr shows names, and its end raises."""

    def __repr__(self) -> str:
        return NAMES

    def __del__(self) -> None:
        raise ValueError(NAMES)


def fail(*_: Any, **__: Any) -> Never:
    try:
        {}[NAMES]
    except KeyError as error:
        raise ValueError(NAMES) from error


def fail_as_validation() -> Never:
    Claim.model_validate_json(f'{{"claim_id": {{"{NAMES}": "{NAMES}"}}}}')
    raise AssertionError


def fail_as_system() -> Never:
    raise FileNotFoundError(2, "No such file", NAMES)


def fail_as_group() -> Never:
    raise ExceptionGroup(NAMES, [ValueError(NAMES), OSError(NAMES)])


def fail_everywhere() -> None:
    """In every place from which Python or a library reports by itself."""
    loop = asyncio.get_running_loop()

    async def failing() -> None:
        fail()

    asyncio.ensure_future(failing())  # noqa: RUF006 - nobody is to look at it
    loop.call_soon(fail, NAMES)
    loop.call_exception_handler({"message": "seen", "what": Unwell()})
    threading.Thread(target=fail, args=(NAMES,)).start()
    warnings.warn(NAMES, stacklevel=1)
    Unwell()
    for name in ("faust", "mode", "aiokafka", "asyncio", "aiohttp.server"):
        try:
            fail()
        except ValueError as error:
            logging.getLogger(name).exception("failed with %r", error)  # noqa: TRY401 - as they do
    thread = built[0].app._consumer._thread
    try:
        fail()
    except ValueError as error:
        thread.on_crash("{0!r}", error)


def crash() -> None:
    if not (ONCE / "crash").exists():
        (ONCE / "crash").touch()
        built[0].app.add_future(built[0].app.crash(RuntimeError(NAMES)))


INTAKE: dict[bytes, Callable[[], None]] = {
    b"value": fail,
    b"validation": fail_as_validation,
    b"system": fail_as_system,
    b"group": fail_as_group,
    b"everywhere": fail_everywhere,
    b"crash": crash,
}


def patch() -> None:
    read, decide, encode, record, check, build = (
        intake.read_record, Decider.decide, patients.changelog.encode, validate.records_of, code03.RULE.check,
        app.build,
    )  # fmt: skip
    deciding: list[str] = [""]

    def broken_read(value: bytes, *args: Any, **kwargs: Any) -> Iterator[Any]:
        asked = re.search(rb'"BROKEN-([a-z]+)"', value[:4096])
        if asked and asked[1] in INTAKE:
            INTAKE[asked[1]]()
        return read(value, *args, **kwargs)

    def broken_decide(self: Decider, arrived: Any, *args: Any) -> Any:
        deciding[0] = arrived.claim.claim_id
        if arrived.claim.claim_id == "BROKEN-deciding":
            fail()
        return decide(self, arrived, *args)

    def broken_encode(*args: Any) -> bytes:
        return fail() if deciding[0] == "BROKEN-changelog" else encode(*args)

    def broken_record(decided: Any, *args: Any) -> Any:
        return fail() if decided.decision.claim_id == "BROKEN-output" else record(decided, *args)

    def broken_check(lines: Any, context: Any) -> Any:
        return fail() if context.claim.claim_id == "BROKEN-rule" else check(lines, context)

    def kept_build(*args: Any) -> app.Parts:
        built.append(build(*args))
        return built[0]

    intake.read_record = broken_read
    Decider.decide = broken_decide  # type: ignore[method-assign]
    patients.changelog.encode = broken_encode
    validate.records_of = broken_record
    object.__setattr__(code03.RULE, "check", broken_check)
    app.build = kept_build
    # The processes of a parent are to be broken too.
    assert Supervisor.__init__.__kwdefaults__ is not None
    Supervisor.__init__.__kwdefaults__["command"] = lambda number: [
        sys.executable, "-m", __spec__.name, "worker", "--as-process", str(number)
    ]  # fmt: skip


if __name__ == "__main__":
    patch()
    if "--fail-at-start" in sys.argv:
        sys.argv.remove("--fail-at-start")
        from streams.cli import worker

        worker.load_settings = fail
    main()
