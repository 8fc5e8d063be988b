"""CLM-01 npi-check-digit-wrong: a provider's NPI cannot be one.

Why: a mistyped NPI names nobody; the claim comes back before anybody looks at the service.
Fires: an NPI on the claim or on a line is not 10 digits starting with 1 or 2, or its check digit is wrong. That of a
referring or supervising provider or of the service facility is flagged only.
Not: a provider without an NPI.
Source: NPI standard: Luhn over the prefix 80840 and the NPI.
"""

from collections.abc import Iterator, Sequence

from schemas.decision import Citation
from validators.claim.naming import providers
from validators.claim.shapes import NPI, is_npi
from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule

REMARKS = {
    "rendering_provider": "N290",
    "referring_provider": "N286",
}
"""By provider, the remark code that says its identifier is wrong; of others that of the rule."""

DECISIVE = frozenset({"billing_provider", "rendering_provider"})
"""Those without whose NPI the claim is denied."""


def check(_lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look at the NPI of every provider the claim names."""
    for place, provider in providers(context.claim):
        if provider.npi and not is_npi(provider.npi):
            has_shape = NPI.fullmatch(provider.npi)
            wrong = "has a wrong check digit" if has_shape else "is not 10 digits that start with 1 or 2"
            yield RULE.finding(
                f"the NPI of the {place.words} {wrong}",
                *([] if place.line is None else [context.lines[place.line]]),
                severity=None if place.field in DECISIVE else "flag",
                rarc=(REMARKS[place.field],) if place.field in REMARKS else None,
                at=place.pointer("npi"),
            )


RULE = Rule(
    id="CLM-01",
    name="npi-check-digit-wrong",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="16",
    rarc=("N257",),
    suggestion="correct the NPI",
    citation=Citation(document="NPI standard", section="Luhn over 80840 + NPI", confidence="found"),
    every_claim=True,
    look=sound_form,
    check=check,
)
