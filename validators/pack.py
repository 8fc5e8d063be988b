"""What a pack file may say: the dated values, lists and switches of rules, each with its source.

`validators/packs/pack.schema.json` is made from these models, for editors. Loading turns packs into a ruleset.
"""

from datetime import date
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.claim import LineOfBusiness
from schemas.decision import Confidence, Severity

Feed = Literal["none", "partial", "complete"]
EncounterNeed = Literal["optional", "required"]
Stage = Literal["stable", "trial"]
Effect = Literal["disable", "soften", "try"]


class PackError(Exception):
    """A pack that cannot be used: one sentence with file, key and what to write."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PackValue(_Strict):
    """A value in force from a date of service on; null for always. A null value is not known: not checked."""

    starts_on: date | None = Field(alias="from", description="the first date of service, or null for always")
    value: Any = Field(description="what holds from then on, or null where it is not known")
    source: str | None = None
    confidence: Confidence | None = None


class PackParameter(_Strict):
    """A dated parameter of a rule."""

    unit: str | None = None
    values: tuple[PackValue, ...] = Field(min_length=1, description="a list of values, each with from and value")


class PackRule(_Strict):
    """What a pack says of a rule. A pack of a payer, LCD or line of business says `parameters` and `severity` only."""

    scope: tuple[str, ...] | None = Field(None, description="payer keys and lines of business; none: everybody")
    starts_on: date | None = Field(None, alias="from", description="the first date of service the rule looks at")
    ends_on: date | None = Field(None, alias="to", description="the last date of service the rule looks at")
    stage: Stage | None = Field(None, description="trial: whatever it finds is information only")
    severity: Severity | None = Field(None, description="instead of the rule's own")
    secondary_payers: bool | None = Field(None, description="also where the payer is not the primary one")
    parameters: dict[str, PackParameter] = {}


class PackOverride(_Strict):
    """A rule switched off, softened or tried for a while; whoever does so signs it."""

    rule: str = Field(description="the id of the rule")
    effect: Effect = Field(
        description="disable (not evaluated, bypassed), soften (at most `severity`) or try (information only)"
    )
    severity: Literal["flag", "info"] | None = Field(None, description="what soften leaves at most")
    payer: str | None = Field(None, description="a payer key or line of business; none: everybody")
    source: str | None = Field(None, description="a source of claims; none: all")
    starts_on: date | None = Field(None, alias="from", description="the first date of service")
    until: date = Field(description="the last date of service")
    reason: str = Field(min_length=1, description="why it is done")
    owner: str = Field(min_length=1, description="who answers for it")

    @model_validator(mode="after")
    def _severity_belongs_to_soften(self) -> Self:
        if (self.effect == "soften") != (self.severity is not None):
            raise ValueError("severity goes with the effect soften, and with no other; write severity: flag or info")
        if self.starts_on is not None and self.starts_on > self.until:
            raise ValueError("from is after until; write the first date of service, then the last")
        return self


class PackPayerId(_Strict):
    """A payer id of a site."""

    line_of_business: LineOfBusiness = Field(description="the line of business of claims that do not say theirs")


class PackLcd(_Strict):
    """A local coverage determination: the Medicare contractor's article and the states of service it is for."""

    lcd: str = Field(description="its number")
    article: str = Field(description="the number of the billing article")
    contractor: str = Field(description="the name of the contractor")
    jurisdictions: dict[str, tuple[str, ...]] = Field(min_length=1, description="jurisdictions, each with its states")
    starts_on: date | None = Field(alias="from", description="the first date of service, or null for always")
    source: str | None = None
    confidence: Confidence = Field(description="how sure all this is")


class PackAuthorizations(_Strict):
    """Whether authorizations are sent to this stream: none, partial or complete."""

    feed: Feed = Field(description="none, partial or complete")


class PackState(_Strict):
    """How far back state reaches."""

    look_back_months: int = Field(ge=1, le=120, description="the months for which a record is seen after its arrival")
    revision_days: int = Field(ge=1, le=366, description="the days for which a claim can be decided anew")


class PackFile(_Strict):
    """One YAML file of a pack. With `payer`, `line_of_business`, `lcd` or `of_lcd` it holds for those claims only."""

    version: str | None = None
    payer: str | None = None
    line_of_business: LineOfBusiness | None = None
    lcd: PackLcd | None = None
    of_lcd: str | None = Field(None, description="the number of an LCD that another file describes")
    payer_ids: dict[str, PackPayerId] = {}
    line_of_business_defaults: dict[LineOfBusiness, str] = {}
    diagnosis_tiers: dict[str, PackParameter] = Field({}, description="lists of diagnoses, also by region")
    authorizations: PackAuthorizations | None = None
    encounter_facts: EncounterNeed | None = None
    state: PackState | None = None
    rules: dict[str, PackRule] = {}
    overrides: tuple[PackOverride, ...] = ()

    @property
    def layer(self) -> str | None:
        """Whose values these are: a payer key, an LCD or a line of business; None for everybody's."""
        return self.payer or (self.lcd.lcd if self.lcd else self.of_lcd) or self.line_of_business

    @model_validator(mode="after")
    def _is_of_one(self) -> Self:
        if sum(each is not None for each in (self.payer, self.line_of_business, self.lcd, self.of_lcd)) > 1:
            raise ValueError("a file is of a payer, a line of business or an lcd; write one file for each")
        return self


class Pack(NamedTuple):
    """A file of a pack under the name it has in messages."""

    name: str
    file: PackFile
