"""The one module of `validators` that reads files: packs and reference data into a frozen ruleset.

An overlay directory has the shape of `packs/`: any YAML files below it, read in the order of their paths after the
built-in ones. A later file replaces what an earlier one says of the same rule, parameter, payer or table.
"""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.claim import LineOfBusiness
from schemas.decision import Confidence, RulesetVersion
from validators.catalogue import RULES
from validators.engine import in_order
from validators.parameters import DatedValue, Parameter
from validators.payers import PayerMatch, Payers
from validators.reference import NcciPairs, Reference
from validators.ruleset import EncounterNeed, Feed, Ruleset, StateTerms, Terms

HERE = Path(__file__).parent
BUILT_IN_PACKS = HERE / "packs"
REFERENCE_DATA = HERE / "reference_data"


class PackError(Exception):
    """A pack that cannot be used: one sentence with file, key and what to write."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class PackValue(_Strict):
    """A value in force from a date of service on; null for always. A null value is not known: not checked."""

    starts_on: date | None = Field(alias="from")
    value: Any
    source: str | None = None
    confidence: Confidence | None = None


class PackParameter(_Strict):
    """A dated parameter of a rule."""

    unit: str | None = None
    values: tuple[PackValue, ...] = Field(min_length=1)


class PackRule(_Strict):
    """What a pack says of a rule."""

    scope: tuple[str, ...] | None = None
    starts_on: date | None = Field(None, alias="from")
    ends_on: date | None = Field(None, alias="to")
    parameters: dict[str, PackParameter] = {}


class PackPayerId(_Strict):
    """A payer id of a site."""

    line_of_business: LineOfBusiness


class PackAuthorizations(_Strict):
    """Whether authorizations are sent to this stream: none, partial or complete."""

    feed: Feed


class PackState(_Strict):
    """How far back state reaches."""

    look_back_months: int = Field(ge=1, le=120)
    revision_days: int = Field(ge=1, le=366)


class PackFile(_Strict):
    """One YAML file of a pack; with `payer` its rules hold for that payer key only."""

    version: str | None = None
    payer: str | None = None
    payer_ids: dict[str, PackPayerId] = {}
    line_of_business_defaults: dict[LineOfBusiness, str] = {}
    diagnosis_tiers: dict[str, tuple[str, ...] | dict[str, tuple[str, ...]]] = {}
    authorizations: PackAuthorizations | None = None
    encounter_facts: EncounterNeed | None = None
    state: PackState | None = None
    rules: dict[str, PackRule] = {}


class Source(NamedTuple):
    """A file of the ruleset: its path as it counts in the hash, and its bytes."""

    name: str
    content: bytes


def load_ruleset(packs: Path | None = None, *, reference_data: Path = REFERENCE_DATA) -> Ruleset:
    """The built-in rules and packs, with the packs of a directory laid over them.

    Raises PackError when a pack is wrong or a rule lacks a parameter.
    """
    layers = [_pack_sources(BUILT_IN_PACKS, "packs")]
    if packs is not None:
        if not packs.is_dir():
            raise PackError(f"{packs} is not a folder; name the folder that holds the packs (YAML files)")
        layers.append(_pack_sources(packs, "overlay"))
    files = [(source.name, _parse(source)) for layer in layers for source in layer]
    tables = _sources(reference_data, "*.csv", "reference_data")
    return Ruleset(
        version=RulesetVersion(
            version=next(file.version for _, file in reversed(files) if file.version),
            sha256=_digest([*_code_sources(), *(source for layer in layers for source in layer), *tables]),
        ),
        rules=in_order(RULES),
        terms=_terms(files),
        payers=_payers(files),
        diagnosis_tiers=_tiers(files),
        reference=Reference(ncci=_ncci(tables)),
        feeds={file.payer: file.authorizations.feed for _, file in files if file.authorizations},
        encounter_needs={file.payer: file.encounter_facts for _, file in files if file.encounter_facts},
        state=_state(files),
    )


def _state(files: Sequence[tuple[str, PackFile]]) -> StateTerms:
    terms = StateTerms()
    for name, file in files:
        if file.state is not None and file.payer is not None:
            raise PackError(f"pack {name}, key state: state is one for all payers; say this in a base pack")
        if file.state is not None:
            terms = StateTerms(file.state.look_back_months, file.state.revision_days)
    return terms


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


class _StandsTwiceError(yaml.constructor.ConstructorError):
    """A key of a mapping stood before."""


class _PackLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # either base is a loader
    """YAML in which a key stands once: the second of two would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping; raises _StandsTwiceError."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise _StandsTwiceError(None, None, key.value, key.start_mark)
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep))


def _parse(source: Source) -> PackFile:
    try:
        content = yaml.load(source.content, Loader=_PackLoader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError) as error:  # a ValueError is a date that no calendar has
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        if isinstance(error, _StandsTwiceError):
            raise PackError(f"pack {source.name}{place}: key {error.problem} stands twice; write it once") from error
        raise PackError(f"pack {source.name}{place} is not YAML; correct it") from error
    try:
        return PackFile.model_validate(content or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        where = f", key {key}" if key else ""
        raise PackError(f"pack {source.name}{where}: {first['msg']}") from error


def _terms(files: Sequence[tuple[str, PackFile]]) -> dict[str, Terms]:
    known = {rule.id for rule in RULES}
    base: dict[str, PackRule] = {}
    base_parameters: dict[str, dict[str, Parameter]] = {rule_id: {} for rule_id in known}
    by_payer: dict[str, dict[str, dict[str, Parameter]]] = {rule_id: {} for rule_id in known}
    for name, file in files:
        for rule_id, said in file.rules.items():
            if rule_id not in known:
                raise PackError(f"pack {name}, key rules.{rule_id}: there is no such rule; use an id of the catalogue")
            if file.payer is None:
                base[rule_id] = base.get(rule_id, PackRule()).model_copy(
                    update={key: getattr(said, key) for key in said.model_fields_set - {"parameters"}}
                )
                target = base_parameters[rule_id]
            else:
                if extra := sorted(said.model_fields_set - {"parameters"}):
                    raise PackError(
                        f"pack {name}, key rules.{rule_id}.{PackRule.model_fields[extra[0]].alias or extra[0]}: "
                        "a payer pack gives only parameters; say this in a base pack"
                    )
                target = by_payer[rule_id].setdefault(file.payer, {})
            for parameter, dated in said.parameters.items():
                target[parameter] = _parameter(f"pack {name}, key rules.{rule_id}.parameters.{parameter}", dated)
    return {rule.id: _rule_terms(rule.id, base, base_parameters[rule.id], by_payer[rule.id]) for rule in RULES}


def _rule_terms(
    rule_id: str,
    base: dict[str, PackRule],
    parameters: dict[str, Parameter],
    by_payer: dict[str, dict[str, Parameter]],
) -> Terms:
    if rule_id not in base:
        raise PackError(f"no pack names rule {rule_id}; write `rules: {{{rule_id}: {{}}}}` in a base pack")
    wanted = next(rule for rule in RULES if rule.id == rule_id).parameters
    for name in wanted:
        if name not in parameters:
            raise PackError(f"rule {rule_id} reads parameter {name}, which no base pack gives; add it under its rule")
    for key, given in (("base", parameters), *by_payer.items()):
        for name in given:
            if name not in wanted:
                raise PackError(f"rule {rule_id} does not read parameter {name} that the {key} pack gives; remove it")
    said = base[rule_id]
    scope = None if said.scope is None else frozenset(said.scope)
    return Terms(scope, said.starts_on, said.ends_on, parameters, by_payer)


def _parameter(where: str, given: PackParameter) -> Parameter:
    starts = [value.starts_on for value in given.values]
    dated = [start for start in starts if start is not None]
    if dated != sorted(set(dated)) or None in starts[1:]:
        raise PackError(f"{where}: values must be in order of `from`, each date once, null only first")
    return Parameter(
        given.unit,
        tuple(DatedValue(_frozen(v.value, where), v.starts_on, v.source, v.confidence) for v in given.values),
    )


def _frozen(value: Any, where: str) -> Any:
    """Lists of a pack are sets of codes to the rules: they are only asked what they contain."""
    if isinstance(value, list):
        for code in value:
            if not isinstance(code, str):
                raise PackError(f"{where}: {code} stands in a list of codes; write it in quotes")
        return frozenset(value)
    if isinstance(value, dict):
        return {key: _frozen(inner, where) for key, inner in value.items()}
    return value


def _payers(files: Sequence[tuple[str, PackFile]]) -> Payers:
    by_id = {
        payer_id: PayerMatch(file.payer or "default_commercial", said.line_of_business)
        for _, file in files
        for payer_id, said in file.payer_ids.items()
    }
    defaults = {line: key for _, file in files for line, key in file.line_of_business_defaults.items()}
    return Payers(by_id, defaults)


def _tiers(files: Sequence[tuple[str, PackFile]]) -> dict[str, frozenset[str]]:
    return {tier: frozenset(_codes(listed)) for _, file in files for tier, listed in file.diagnosis_tiers.items()}


def _codes(listed: tuple[str, ...] | dict[str, tuple[str, ...]]) -> Iterator[str]:
    if isinstance(listed, dict):
        for codes in listed.values():
            yield from codes
    else:
        yield from listed


def _ncci(tables: Sequence[Source]) -> NcciPairs | None:
    for name, content in tables:
        stem = Path(name).stem
        if stem.startswith("ncci_pairs_"):
            rows = csv.DictReader(content.decode().splitlines())
            return NcciPairs(
                stem.removeprefix("ncci_pairs_"),
                {(row["column1"], row["column2"]): row["modifier_indicator"] for row in rows},
            )
    return None
