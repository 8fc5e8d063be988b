"""The one module of `validators` that reads files: packs and reference data into a frozen ruleset.

An overlay directory has the shape of `packs/`: any YAML files below it, read in the order of their paths after the
built-in ones. A later file replaces what an earlier one says of the same rule, parameter, payer or tier.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from schemas.decision import RulesetVersion
from validators.assembling import lcds_of, overrides_of, payers_of, state_of, terms_of
from validators.catalogue import RULES
from validators.engine import in_order
from validators.pack import Pack, PackError, PackFile
from validators.pack_errors import pack_error
from validators.pack_kinds import require_kinds
from validators.pack_places import require_right_files, require_said_once
from validators.pack_tiers import tiers_of
from validators.reference import Reference
from validators.ruleset import Ruleset
from validators.tables import reference_of

HERE = Path(__file__).parent
BUILT_IN_PACKS = HERE / "packs"
REFERENCE_DATA = HERE / "reference_data"
OVERLAY = "overlay"
TAB = re.compile(rb" *\t")
"""A tab where a line is indented."""


class Source(NamedTuple):
    """A file of the ruleset: its path as it counts in the hash, and its bytes."""

    name: str
    content: bytes


def load_ruleset(packs: Path | None = None, *, reference_data: Path = REFERENCE_DATA) -> Ruleset:
    """The built-in rules and packs, with the packs of a directory laid over them.

    Raises PackError when a pack is wrong or a rule lacks a parameter.
    """
    sources = _pack_sources(BUILT_IN_PACKS, "packs")
    built_in = len(sources)
    if packs is not None:
        if not packs.is_dir():
            raise PackError(f"{packs} is not a folder; name the folder that holds the packs (YAML files)")
        if not (overlay := _pack_sources(packs, OVERLAY)):
            raise PackError(f"no pack (*.yaml) in {packs}; name the folder that holds the packs, or none")
        sources += overlay
    files = [Pack(source.name, _parse(source)) for source in sources]
    require_said_once(files[:built_in])
    require_right_files(files)
    require_kinds(files[:built_in], files)
    tables = [each for pattern in ("*.csv", "*.txt") for each in _sources(reference_data, pattern, "reference_data")]
    return Ruleset(
        version=RulesetVersion(
            version=next(file.version for _, file in reversed(files) if file.version),
            sha256=_digest([*_code_sources(), *sources, *tables]),
        ),
        rules=in_order(RULES),
        terms=terms_of(files),
        payers=payers_of(files),
        diagnosis_tiers=tiers_of(files),
        reference=_reference(tuple(tables)),
        lcds=lcds_of(files),
        overrides=overrides_of(files),
        feeds={file.payer: file.authorizations.feed for _, file in files if file.authorizations},
        encounter_needs={file.payer: file.encounter_facts for _, file in files if file.encounter_facts},
        state=state_of(files),
    )


def _sources(folder: Path, pattern: str, under: str) -> list[Source]:
    return [
        Source(f"{under}/{path.relative_to(folder).as_posix()}", path.read_bytes())
        for path in sorted(folder.rglob(pattern))
        if path.is_file()
    ]


def _pack_sources(folder: Path, under: str) -> list[Source]:
    return _sources(folder, "*.y*ml", under)


@cache
def _code_sources() -> tuple[Source, ...]:
    return tuple(_sources(HERE, "*.py", "validators"))


def _digest(sources: Sequence[Source]) -> str:
    digest = hashlib.sha256()
    for source in sorted(sources):
        digest.update(f"{source.name}\0{len(source.content)}\0".encode())
        digest.update(source.content)
    return digest.hexdigest()


class _RefusedError(yaml.constructor.ConstructorError):
    """YAML that says what no pack may say."""


class _PackLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # either base is a loader
    """YAML in which a key stands once: the second of two would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping; raises _RefusedError."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                said = "a list or group of keys stands where a key has to; write the key as text"
                raise _RefusedError(None, None, said, key.start_mark)
            if key.value in seen:
                raise _RefusedError(None, None, f"key {key.value} stands twice; write it once", key.start_mark)
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep))

    def construct_day(self, node: yaml.ScalarNode) -> Any:
        """A date; raises _RefusedError for one that no calendar has."""
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError as error:
            said = f"{node.value} is no date; write one of the calendar, as 2026-01-31"
            raise _RefusedError(None, None, said, node.start_mark) from error


_PackLoader.add_constructor("tag:yaml.org,2002:timestamp", _PackLoader.construct_day)


def yaml_of(content: bytes, named: str) -> Any:
    """What a YAML file says, each of its keys once. Raises PackError, which calls the file as it is `named`."""
    try:
        content.decode("utf-8")
        return yaml.load(content, Loader=_PackLoader)  # noqa: S506 - a safe loader
    except UnicodeDecodeError as error:
        raise PackError(f"{named} is not UTF-8; save it as UTF-8") from error
    except yaml.reader.ReaderError as error:
        line = content.count(b"\n", 0, error.position) + 1
        raise PackError(f"{named} at line {line} is not YAML: {error.reason}; correct it") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line  # type: ignore[union-attr] # reading always gives one
        place = f"{named} at line {line + 1}"
        if isinstance(error, _RefusedError):
            raise PackError(f"{place}: {error.problem}") from error
        # The end of the file may be told as a line after the last.
        if TAB.match([*content.split(b"\n"), b""][line]):
            raise PackError(f"{place} is not YAML: a tab stands here; indent with spaces") from error
        raise PackError(f"{place} is not YAML: {error.problem}; correct it") from error


@lru_cache(4)
def _reference(tables: tuple[Source, ...]) -> Reference:
    # Most of what loading takes: several rulesets of one process have the same tables.
    return reference_of({source.name: source.content for source in tables})


@lru_cache(256)
def _parse(source: Source) -> PackFile:
    # Nearly the same packs, for the same reason.
    content = yaml_of(source.content, f"pack {source.name}")
    try:
        return PackFile.model_validate(content or {})
    except ValidationError as error:
        raise pack_error(source.name, error) from error
