"""MED-16 sedation-or-anesthesia-with-injection: sedation or anesthesia is billed with the injection.

Why: it is rarely necessary, and some of it is part of the injection (NCCI indicator 0).
Fires: on the date of an injection a line has a code of the payer's lists or a modifier of the payer; a code that is
part of the injection denies, but for 99155 and 99156 in a hospital, where a modifier may separate them.
Source: multi-MAC LCD text on epidural steroid injections, sedation rarely necessary.
"""

from collections.abc import Iterator, Sequence

from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import MULTI_MAC_LCD, section

SEPARABLE_IN_HOSPITAL = frozenset({"99155", "99156"})
PART_OF_THE_INJECTION = "236"


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look for sedation on the date of each injection."""
    for on in sorted({line.service_date for line in lines}):
        bundled = context.parameter(RULE.id, "sedation_bundled", on)
        coverage = context.parameter(RULE.id, "sedation_coverage", on)
        modifiers = context.parameter(RULE.id, "sedation_modifiers", on)
        codes, modified = context.codes, context.modifiers
        if codes.isdisjoint(bundled) and codes.isdisjoint(coverage) and modified.isdisjoint(modifiers):
            continue
        for line in context.lines:
            if line.service_date != on:
                continue
            if line.code in bundled and not _is_separable(line, context):
                yield _finding(line, denies=True)
            elif line.code in bundled or line.code in coverage or not modifiers.isdisjoint(line.modifiers):
                yield _finding(line, denies=False)


def _is_separable(line: Line, context: Context) -> bool:
    return line.code in SEPARABLE_IN_HOSPITAL and context.claim.claim_type == "institutional"


def _finding(line: Line, *, denies: bool) -> Found:
    why = "it is part of the injection" if denies else "it is rarely necessary"
    return RULE.finding(
        f"{line.code} is sedation or anesthesia with an injection on {line.service_date}; {why}",
        line,
        severity="deny" if denies else None,
        carc=PART_OF_THE_INJECTION if denies else None,
        observed={"procedure_code": line.code, "modifiers": [*sorted(line.modifiers)]},
    )


RULE = Rule(
    id="MED-16",
    name="sedation-or-anesthesia-with-injection",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=ESI,
    carc="50",
    rarc=("N115",),
    suggestion="a documented patient risk is needed",
    citation=section(MULTI_MAC_LCD, "sedation rarely necessary"),
    parameters=("sedation_bundled", "sedation_coverage", "sedation_modifiers"),
    check=check,
)
