"""The lists of diagnoses that packs give: by layer, and by region of the spine."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from validators.assembling import parameter_of
from validators.pack import Pack, PackError
from validators.pack_errors import shown
from validators.parameters import Codes, DatedValue, Parameter, Patterns, codes_of

REGIONS = ("cervical_thoracic", "lumbar_sacral")
ANY_REGION = "any"
DIAGNOSIS = re.compile(r"[A-Z]\d[A-Z\d]{1,5}|[A-Z](\d[A-Z\d]{0,5})?\*")
"""An ICD-10-CM code as claims have it, or with `*` all that begin so."""


def tiers_of(packs: Sequence[Pack]) -> dict[str | None, dict[str, Parameter]]:
    """The lists of diagnoses, by layer: codes, or for each region and for None the codes. Raises PackError."""
    layered: dict[str | None, dict[str, Parameter]] = {None: {}}
    for pack in packs:
        for tier, given in pack.file.diagnosis_tiers.items():
            where = f"pack {pack.name}, key diagnosis_tiers.{tier}"
            parameter = parameter_of(pack.name, where, given)
            values = tuple(replace(dated, value=_listed(dated, where)) for dated in parameter.values)
            listed = Parameter(parameter.unit, values, pack.name)
            if not listed.is_known_always:
                raise PackError(
                    f"{where}: there is no list before {values[0].starts_on}; write one from null, [] for none"
                )
            layered.setdefault(pack.file.layer, {})[tier] = listed
    for layer, tiers in layered.items():
        for tier, parameter in tiers.items():
            if tier not in layered[None]:
                raise PackError(
                    f"pack {parameter.pack}, key diagnosis_tiers.{tier}: no rule reads such a tier of {layer}; write "
                    f"one of {', '.join(layered[None])}"
                )
    return layered


def _listed(dated: DatedValue, where: str) -> Codes | Mapping[str | None, Codes]:
    listed = dated.value
    where_from = f"{where}, value from {dated.starts_on or 'null'}"
    if isinstance(listed, frozenset | Patterns):
        return _diagnoses(listed, where_from)
    if (
        not isinstance(listed, Mapping)
        or not set(listed) <= {*REGIONS, ANY_REGION}
        or not all(isinstance(each, frozenset | Patterns) for each in listed.values())
    ):
        raise PackError(f"{where}: write a list of codes, or lists under {', '.join((*REGIONS, ANY_REGION))}")
    codes: dict[str | None, list[str]] = {
        region: [*listed.get(region, ()), *listed.get(ANY_REGION, ())] for region in REGIONS
    }
    codes[None] = [code for each in codes.values() for code in each]
    return {region: _diagnoses(each, where_from) for region, each in codes.items()}


def _diagnoses(listed: Collection[str], where: str) -> Codes:
    """The codes as claims have them: in capitals, without the dot."""
    codes = {written: written.replace(".", "").upper() for written in listed}
    for written in sorted(codes):
        if not DIAGNOSIS.fullmatch(codes[written]):
            raise PackError(
                f"{where}: {shown(written)} is no ICD-10-CM code; write one, as M54.16, or with * all that begin so, "
                "as M54*"
            )
    return codes_of(codes.values())
