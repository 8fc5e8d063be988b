"""What a rule is: a plain function and a value that says whose it is, and the three things the function may say.

A rule that applies to a claim and says nothing has passed. Codes stand in messages, never a name, member id,
authorization number or free text of the claim.
"""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pydantic import JsonValue

from schemas.claim import Claim
from schemas.decision import Citation, Severity
from validators.lines import Line

if TYPE_CHECKING:
    from validators.context import Context
    from validators.parameters import Parameter
    from validators.reference import Reference


class Needs(enum.Enum):
    """An input a rule may read."""

    CLAIM = "claim"
    HISTORY = "history"
    ENCOUNTER = "encounter"
    AUTHORIZATION = "authorization"


@dataclass(frozen=True, slots=True)
class Found:
    """A rule fired: on these lines (indexes into the claim's lines), or on the whole claim when there are none."""

    rule: "Rule"
    severity: Severity
    message: str
    suggestion: str
    lines: tuple[int, ...]
    at: str | None
    observed: Mapping[str, JsonValue]
    expected: Mapping[str, JsonValue]
    carc: str | None = None
    """Instead of the rule's own."""
    rarc: tuple[str, ...] | None = None
    """Instead of the rule's own."""
    rests_on: str | None = None
    """The parameter whose value decided: a payer's own is cited with its source."""


class Unknown(NamedTuple):
    """A rule could not be decided for want of an input, named as the ledger shows it (`encounter.levels`)."""

    rule: "Rule"
    missing: str


class Bypass(NamedTuple):
    """A rule would have fired, but something on the claim lifts it (`modifier`)."""

    rule: "Rule"
    by: str


Said = Found | Unknown | Bypass
Check = Callable[[Sequence[Line], "Context"], Iterable[Said]]

Passes = Callable[[Claim], bool]
"""Whether, as one look at a claim tells, some rules have nothing to say of it."""

Look = Callable[[Mapping[tuple[str, str], "Parameter"], "Reference"], Passes]
"""Makes that look, from the parameters (by rule and name) and tables that hold for claims of one standing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of the catalogue.

    `codes` and `modifiers` wake it (None: every line); `check` gets the lines with one of those codes and one of those
    modifiers, on dates the rule is in effect. Scope, dates and numbers stand in the packs.
    """

    id: str
    name: str
    severity: Severity
    needs: tuple[Needs, ...]
    suggestion: str
    citation: Citation
    check: Check
    codes: frozenset[str] | None = None
    modifiers: frozenset[str] | None = None
    carc: str | None = None
    rarc: tuple[str, ...] = ()
    bypassed_by: tuple[str, ...] = ()
    bypasses_itself: bool = False
    """Its check says itself where a rule of `bypassed_by` lifts it: more than the line decides."""
    bypassed_whole: bool = False
    """What it finds is about all of its lines together: one of `bypassed_by` that fired on any of them lifts it."""
    tables: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    weighs_unknown: bool = False
    """Its check says itself where a parameter that is not known leaves it undecided. Others do not see the lines of a
    day on which one of theirs is not."""
    primary_payer_only: bool = False
    """Not applicable where the payer is secondary or tertiary: rules about authorization."""
    of_claim: bool = False
    """Looks at the claim as it came, not at lines as rules read them: its check gets none."""
    look: Look | None = None
    """Shared by rules that nearly every claim passes: where one look tells so, they are not asked."""
    every_claim: bool = False
    """Applies to claims without an injection, and to voids, too: families claim and system."""

    @property
    def family(self) -> str:
        """The family its id begins with, in a word."""
        return FAMILIES[self.id.partition("-")[0]]

    def finding(
        self,
        message: str,
        *lines: Line,
        suggestion: str | None = None,
        severity: Severity | None = None,
        carc: str | None = None,
        rarc: tuple[str, ...] | None = None,
        at: str | None = None,
        observed: Mapping[str, JsonValue] | None = None,
        expected: Mapping[str, JsonValue] | None = None,
        rests_on: str | None = None,
    ) -> Found:
        """Say that the rule fired on `lines` (none: on the whole claim).

        `at` defaults to the first line's code, `rests_on` to the rule's parameter where it has one only.
        """
        if at is None and lines:
            at = lines[0].at("procedure_code")
        return Found(
            rule=self,
            severity=severity or self.severity,
            message=message,
            suggestion=suggestion or self.suggestion,
            lines=tuple(line.index for line in lines),
            at=at,
            observed=observed or {},
            expected=expected or {},
            carc=carc,
            rarc=rarc,
            rests_on=self.parameters[0] if len(self.parameters) == 1 else rests_on,
        )

    def unknown(self, missing: str) -> Unknown:
        """Say that the rule cannot be decided without `missing`."""
        return Unknown(self, missing)

    def bypass(self, by: str) -> Bypass:
        """Say that the rule would have fired but for `by`."""
        return Bypass(self, by)


FAMILIES = {
    "CODE": "code",
    "LVL": "level",
    "GUID": "guidance",
    "AUTH": "authorization",
    "MED": "necessity",
    "FREQ": "frequency",
    "DOC": "documentation",
    "SOS": "site",
    "DRUG": "drug",
    "CLM": "claim",
    "SYS": "system",
}
