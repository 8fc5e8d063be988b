"""The files of vectors: for one rule each, cases that lay changes over a default claim and say what comes of it."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.encounter import Encounter
from streams.vectors.keys import unread_key
from validators.loading import HERE, yaml_of
from validators.pack import EncounterNeed, Feed, PackError

Fields = Mapping[str, Any]
Fact = Authorization | Encounter

Table = Literal["ncci", "mue", "add_ons", "fee_schedule", "drugs", "places_of_service", "code_history", "icd10cm"]

VECTORS = HERE / "vectors"
DEFAULT_CLAIM = VECTORS / "default-claim.yaml"
LINE_DEFAULTS: Fields = {
    "modifiers": [],
    "charge": "100.00",
    "units": "1",
    "unit_type": "UN",
    "service_date_from": "2026-06-15",
    "service_date_to": None,
    "place_of_service": None,
    "diagnosis_pointers": [1],
}
ASKED = ("lines", "findings", "severity", "message", "suggestion", "at", "carc", "rarc", "observed", "expected")
"""What a case may ask of the findings of its rule: line numbers and count over all of them, the rest of the first."""

_STANDINGS = re.compile(r"fail|pass|not_applicable|bypassed by \S+|not_checked missing \S+")


class VectorError(Exception):
    """Vectors that cannot be used: one sentence with file, case and what to write."""


def _expectation(expect: str | dict[str, Any]) -> str | dict[str, Any]:
    if isinstance(expect, str):
        if not _STANDINGS.fullmatch(expect):
            raise ValueError(
                "write fail, pass, not_applicable, `bypassed by RULE` or `not_checked missing INPUT`; or status: fail "
                "and what is to be found"
            )
    elif expect.get("status") != "fail" or not expect.keys() <= {"status", *ASKED}:
        raise ValueError(f"a mapping says status: fail, and of the findings any of {', '.join(ASKED)}")
    return expect


Expectation = Annotated[str | dict[str, Any], AfterValidator(_expectation)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GivenFacts(_Strict):
    """Authorizations and encounters; payer, member and day left out are those of the claim and its first line."""

    authorizations: tuple[dict[str, Any], ...] = ()
    encounters: tuple[dict[str, Any], ...] = ()

    def of(self, claim: Claim) -> list[Fact]:
        """The records, as they concern `claim`."""
        whose = {"payer_id": claim.payer.id, "member_id": claim.subscriber.member_id}
        session = {**whose, "service_date": claim.service_lines[0].service_date_from}
        return [
            *(Authorization.model_validate_json(as_json({**whose, **one})) for one in self.authorizations),
            *(Encounter.model_validate_json(as_json({**session, **one})) for one in self.encounters),
        ]


class Case(GivenFacts):
    """One case of a rule.

    `given` is laid over the default claim, each of `history` over that. Facts and history come before the claim, those
    of `later` after it: then it stands as `revised` says. Of all authorizations `feed` are sent; the payer's encounters
    are optional or required. `packs` is what the one file of a site's packs says; the tables `unloaded` are not there.
    """

    name: str = Field(min_length=1)
    given: dict[str, Any] = {}
    history: tuple[dict[str, Any], ...] = ()
    later: GivenFacts = GivenFacts()
    feed: Feed = "complete"
    encounter_facts: EncounterNeed = "optional"
    packs: dict[str, Any] | None = None
    unloaded: tuple[Table, ...] = ()
    expect: Expectation
    revised: Expectation | None = None

    @model_validator(mode="after")
    def _later_facts_revise(self) -> Self:
        if (self.later == GivenFacts()) != (self.revised is None):
            raise ValueError("later goes with revised: say what comes later, and what is expected then")
        return self

    def unread_key(self) -> str | None:
        """The first key of its claims and facts that nothing reads, in a sentence; None without one."""
        records: tuple[tuple[type[BaseModel], str, Any], ...] = (
            (Claim, "given", self.given),
            (Claim, "history", self.history),
            (Authorization, "authorizations", self.authorizations),
            (Encounter, "encounters", self.encounters),
            (Authorization, "later.authorizations", self.later.authorizations),
            (Encounter, "later.encounters", self.later.encounters),
        )
        return next(filter(None, (unread_key(model, given, at) for model, at, given in records)), None)

    @property
    def kind(self) -> str:
        """Which status it expects, in a word."""
        return "fail" if isinstance(self.expect, dict) else self.expect.partition(" ")[0]


class Vectors(_Strict):
    """A file of vectors: the cases of one rule."""

    rule: str
    cases: tuple[Case, ...] = Field(min_length=1)

    @field_validator("cases")
    @classmethod
    def _names_of_their_own(cls, cases: tuple[Case, ...]) -> tuple[Case, ...]:
        for name, count in Counter(case.name for case in cases).items():
            if count > 1:
                raise ValueError(f"{count} cases are called {name!r}; give each a name of its own")
        return cases


def read_vectors(path: Path) -> Vectors:
    """The cases of a file. Raises VectorError."""
    try:
        content = yaml_of(path.read_bytes(), f"vectors {path.name}")
        vectors = Vectors.model_validate(content)
    except PackError as error:
        raise VectorError(str(error)) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise VectorError(f"vectors {path.name}, key {key}: {first['msg'].removeprefix('Value error, ')}") from error
    for case in vectors.cases:
        if unread := case.unread_key():
            raise VectorError(f"vectors {path.name}, case {case.name!r}, {unread}")
    return vectors


def vector_files(folder: Path = VECTORS) -> Iterator[Path]:
    """The files of vectors in a folder, the default claim aside."""
    return (path for path in sorted(folder.rglob("*.y*ml")) if path.name != DEFAULT_CLAIM.name)


def file_of(rule_id: str) -> Path:
    """Where the vectors of a rule of the catalogue stand."""
    return VECTORS / f"{rule_id.lower().replace('-', '')}.yaml"


@cache
def default_claim() -> dict[str, Any]:
    """The claim every case starts from. Raises VectorError."""
    claim: dict[str, Any] = yaml_of(DEFAULT_CLAIM.read_bytes(), DEFAULT_CLAIM.name)
    if unread := unread_key(Claim, claim, DEFAULT_CLAIM.stem):
        raise VectorError(f"vectors {DEFAULT_CLAIM.name}, {unread}")
    return claim


def laid_over(base: Any, change: Any) -> Any:
    """Objects are merged key by key; lists, scalars and nulls replace."""
    if isinstance(base, Mapping) and isinstance(change, Mapping):
        return {**base, **{key: laid_over(base.get(key), value) for key, value in change.items()}}
    return change


def completed(fields: Fields) -> dict[str, Any]:
    """The claim with what its lines leave out, and the sum of their charges where no total is given."""
    lines = [
        {"line_number": number, **LINE_DEFAULTS, **line} for number, line in enumerate(fields["service_lines"], start=1)
    ]
    total = sum((Decimal(line["charge"]) for line in lines), Decimal("0.00"))
    return {"total_charge": str(total), **fields, "service_lines": lines}


def claim_of(fields: Fields) -> Claim:
    """The claim that fields say, completed."""
    return Claim.model_validate_json(as_json(completed(fields)))


def as_json(fields: Any) -> str:
    """YAML reads 2026-06-15 as a date, and an author may leave the quotes out."""
    return json.dumps(fields, default=str)
