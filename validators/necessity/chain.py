"""The diagnosis chain: where it stops for each injection line (definitions: diagnosis chain, region of a diagnosis).

MED-01, 02, 03, 05, 20 and 22 read it, and pass a line for which it does not stop: a diagnosis supports the injection.
A rule that does not look at the claim, is switched off or only tried, holds nowhere and lifts nothing.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from validators.codes import Region
from validators.context import Context
from validators.lines import Line
from validators.necessity.exceptions import EXCEPTIONS
from validators.rule import Bypass, Found, Rule
from validators.wording import dotted

POINTS_NOWHERE = "CLM-02"
_NOT_BILLABLE = "MED-04"
_WITHOUT_CLAUDICATION = "M48061"

_BOTH: frozenset[Region] = frozenset({"cervical_thoracic", "lumbar_sacral"})
_CERVICAL_THORACIC: frozenset[Region] = frozenset({"cervical_thoracic"})
_LUMBAR_SACRAL: frozenset[Region] = frozenset({"lumbar_sacral"})
_NONE: frozenset[Region] = frozenset()
_BY_BEGINNING = {
    "M50": _CERVICAL_THORACIC,
    "M542": _CERVICAL_THORACIC,
    "M546": _CERVICAL_THORACIC,
    "M543": _LUMBAR_SACRAL,
    "M544": _LUMBAR_SACRAL,
    "M545": _LUMBAR_SACRAL,
    "M51A": _LUMBAR_SACRAL,
}
_WITH_REGION_DIGIT = ("M43", "M47", "M48", "M51", "M541")
_WITH_REGION_DIGIT_LAST = ("M4701", "M4702", "M4781", "M4789")
_BY_DIGIT = {
    "1": _CERVICAL_THORACIC,
    "2": _CERVICAL_THORACIC,
    "3": _CERVICAL_THORACIC,
    "4": _CERVICAL_THORACIC,
    "5": _BOTH,
    "6": _LUMBAR_SACRAL,
    "7": _LUMBAR_SACRAL,
    "8": _LUMBAR_SACRAL,
}


class Stop(NamedTuple):
    """Where the chain stops for a line: at a rule, over these diagnoses. `holds`: other rules may hang on that rule."""

    rule_id: str
    diagnoses: tuple[str, ...]
    holds: bool

    def lifting(self, rule: Rule) -> str | None:
        """What keeps `rule` from firing; None when nothing does."""
        lifts = self.rule_id in rule.bypassed_by or self.rule_id == POINTS_NOWHERE
        return self.rule_id if lifts and self.holds else None


def stops(lines: Sequence[Line], context: Context) -> Iterator[tuple[Line, Stop]]:
    """The lines for which the chain stops, and where."""
    found = context.shared(_stops)
    return ((line, found[line.index]) for line in lines if line.index in found)


def judged(
    rule: Rule, lines: Sequence[Line], context: Context, finding: Callable[[Line, Stop], Found]
) -> Iterator[Found | Bypass]:
    """What a rule of a step says: its finding of each line for which the chain stops there, or what lifts it."""
    for line, stop in stops(lines, context):
        if by := stop.lifting(rule):
            yield rule.bypass(by)
        elif stop.rule_id == rule.id:
            yield finding(line, stop)


def unbillable(context: Context) -> frozenset[str]:
    """The diagnoses of the claim that were not billable on its first date of service: those that fail MED-04."""
    icd10cm = context.ruleset.reference.icd10cm
    assert icd10cm is not None, "the engine keeps rules asleep whose tables are not loaded"
    return icd10cm.unbillable(context.diagnoses, min([line.service_date for line in context.lines]))


def named(diagnoses: Sequence[str]) -> str:
    """Diagnoses in a message."""
    return ", ".join(dotted(code) for code in diagnoses)


def regions_of(diagnosis: str) -> frozenset[Region]:
    """The spinal regions a diagnosis is of: none, one, or both at the junction of the two."""
    for beginning, regions in _BY_BEGINNING.items():
        if diagnosis.startswith(beginning):
            return regions
    if not diagnosis.startswith(_WITH_REGION_DIGIT):
        return _NONE
    place = 5 if diagnosis.startswith(_WITH_REGION_DIGIT_LAST) else 4
    return _BY_DIGIT.get(diagnosis[place : place + 1], _NONE)


def _stops(context: Context) -> Mapping[int, Stop]:
    failed = context.shared(unbillable)
    found: dict[int, Stop] = {}
    for line in context.esi_lines:
        if (stop := _stop(line, context, failed)) is not None:
            found[line.index] = stop
    return found


def _stop(line: Line, context: Context, failed: Collection[str]) -> Stop | None:
    plan, on, left = context.plan, line.service_date, line.diagnoses
    if not left:
        return Stop(POINTS_NOWHERE, left, holds=True)
    if failed and plan.lifts(_NOT_BILLABLE, on):
        left = tuple(code for code in left if code not in failed)
        if not left:
            return Stop(_NOT_BILLABLE, left, holds=True)
    for rule_id, codes, is_exception in EXCEPTIONS:
        if line.code in codes and plan.lifts(rule_id, on) and is_exception(line, context):
            return Stop(rule_id, left, holds=True)
    for tier in ("T1", "T2"):
        if not context.diagnoses_listed(tier, on, line.region).isdisjoint(left):
            return None
    rule_id = _unsupported(line, context, left)
    return Stop(rule_id, left, holds=plan.lifts(rule_id, on))


def _unsupported(line: Line, context: Context, left: Sequence[str]) -> str:
    """The rule of the step that holds where no diagnosis supports the injection."""
    on = line.service_date
    weak_codes = context.diagnoses_listed("T3", on, line.region)
    if weak := [code for code in left if code in weak_codes]:
        # A payer without the one hears the other: for Medicare Advantage MED-01 fires instead.
        without_claudication = all(code == _WITHOUT_CLAUDICATION for code in weak)
        return "MED-20" if without_claudication and "MED-20" in context.plan.by_id else "MED-01"
    regions = frozenset().union(*(regions_of(code) for code in left))
    if regions and line.region not in regions:
        return "MED-05"
    for tier, rule_id in (("T4_axial", "MED-02"), ("T4_other", "MED-03")):
        if not context.diagnoses_listed(tier, on).isdisjoint(left):
            return rule_id
    return "MED-01"
