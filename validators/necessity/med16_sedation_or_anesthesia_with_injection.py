"""MED-16 sedation-or-anesthesia-with-injection: sedation or anesthesia is billed with the injection.

Why: it is rarely necessary, and some of it is part of the injection (NCCI indicator 0).
Fires: on the date of an injection a line has a code of the payer's lists or a modifier of the payer; a code that is
part of the injection denies, but for 99155 and 99156 in a hospital, where a modifier may separate them.
Source: multi-MAC LCD text on epidural steroid injections, sedation rarely necessary.
"""

from collections.abc import Iterator, Sequence

from pydantic import JsonValue

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
                yield _part_of_the_injection(line)
            elif line.code in bundled or line.code in coverage:
                rests_on = "sedation_bundled" if line.code in bundled else "sedation_coverage"
                yield _rarely_necessary(line, "is", "procedure_code", rests_on)
            elif said := sorted(modifiers & line.modifiers):
                yield _rarely_necessary(line, f"carries {', '.join(said)}:", "modifiers", "sedation_modifiers")


def _is_separable(line: Line, context: Context) -> bool:
    return line.code in SEPARABLE_IN_HOSPITAL and context.claim.claim_type == "institutional"


def _part_of_the_injection(line: Line) -> Found:
    return RULE.finding(
        f"{line.code} is sedation or anesthesia with an injection on {line.service_date}; it is part of the injection",
        line,
        severity="deny",
        suggestion=f"remove the {line.code} line; no modifier opens the pair",
        carc=PART_OF_THE_INJECTION,
        observed=_observed(line),
    )


def _rarely_necessary(line: Line, says: str, at: str, rests_on: str) -> Found:
    return RULE.finding(
        f"{line.code} {says} sedation or anesthesia with an injection on {line.service_date}; it is rarely necessary",
        line,
        at=line.at(at),
        observed=_observed(line),
        rests_on=rests_on,
    )


def _observed(line: Line) -> dict[str, JsonValue]:
    return {"procedure_code": line.code, "modifiers": [*sorted(line.modifiers)]}


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
