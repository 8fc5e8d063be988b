"""What is told of a rule: a line of the list, and all there is to know of it for some claims on some day."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from streams.rulebook.audience import Audience
from streams.rulebook.docs import doc_of
from streams.vectors.cases import file_of, read_vectors
from validators.decide import citation_of
from validators.loading import HERE, OVERLAY
from validators.parameters import DatedValue, Parameter, Patterns
from validators.rule import Rule
from validators.ruleset import Override, Ruleset

Told = dict[str, Any]
EVERYBODY = "all"


def listed(rule: Rule, ruleset: Ruleset, audience: Audience) -> Told:
    """A line of the list (contract section 7), with the severity for the claims that are meant."""
    terms = ruleset.terms[rule.id]
    return {
        "id": rule.id,
        "name": rule.name,
        "family": rule.family,
        "severity": terms.severity(audience.layers) or rule.severity,
        "needs": [need.value for need in rule.needs],
        "scope": [EVERYBODY] if terms.scope is None else sorted(terms.scope),
        "stage": terms.stage,
        "effective": {"from": _day(terms.starts_on), "to": _day(terms.ends_on)},
        "carc": rule.carc,
        "rarc": [*rule.rarc],
    }


def by_itself(rule: Rule) -> Told:
    """What a rule says of itself, packs aside: most of it no claim makes it show."""
    return {
        "id": rule.id,
        "name": rule.name,
        "family": rule.family,
        "severity": rule.severity,
        "needs": [need.value for need in rule.needs],
        "carc": rule.carc,
        "rarc": [*rule.rarc],
        "suggestion": rule.suggestion,
        "citation": rule.citation.model_dump(mode="json"),
        "codes": None if rule.codes is None else " ".join(sorted(rule.codes)),
        "modifiers": None if rule.modifiers is None else " ".join(sorted(rule.modifiers)),
        "tables": [*rule.tables],
        "bypassed_by": [*rule.bypassed_by],
    }


def is_meant(rule: Rule, ruleset: Ruleset, audience: Audience, on: date | None) -> bool:
    """Whether the rule looks at claims of the audience, and at services of the day where one is said."""
    terms = ruleset.terms[rule.id]
    return audience.may_be_of(terms) and (on is None or terms.in_effect(on))


def shown(rule: Rule, ruleset: Ruleset, audience: Audience, on: date, *, built_in: Ruleset | None = None) -> Told:
    """All there is to know of a rule, for the claims that are meant on a date of service.

    With `built_in`, the ruleset without a site's packs, what those replaced is told too.
    """
    doc, terms = doc_of(rule), ruleset.terms[rule.id]
    lcd = audience.lcd
    parameters = [*_parameters(rule, ruleset, audience, on, built_in)]
    carc = next((each["value"] for each in parameters if each["name"] == "carc" and each["value"]), rule.carc)
    return listed(rule, ruleset, audience) | {
        "asked": {
            "payer": audience.payer_key,
            "line_of_business": audience.line_of_business,
            "lines_of_business_open": [*audience.lines_open],
            "lcd": lcd.lcd if lcd else None,
            "source": audience.source,
            "on": str(on),
        },
        "carc": carc,
        "applies": is_meant(rule, ruleset, audience, on),
        "what": doc.what,
        "why": doc.why,
        "fires": doc.fires,
        "not": doc.but_not,
        "source": doc.source,
        "suggestion": rule.suggestion,
        "citation": citation_of(rule, ruleset, lcd, on).model_dump(mode="json"),
        "codes": None if rule.codes is None else sorted(rule.codes),
        "modifiers": None if rule.modifiers is None else sorted(rule.modifiers),
        "tables": {table: ruleset.vintages.get(table) for table in rule.tables},
        "every_claim": rule.every_claim,
        "primary_payer_only": rule.primary_payer_only and not terms.secondary_payers,
        "bypassed_by": sorted(other.id for other in ruleset.rules if other.id in rule.bypassed_by),
        "suppresses": sorted(other.id for other in ruleset.rules if rule.id in other.bypassed_by),
        "severities": [
            {"layer": layer or EVERYBODY, "severity": severity}
            for layer, severity in {None: rule.severity, **terms.severities}.items()
        ],
        "parameters": parameters,
        "overrides": [_override(each, on) for each in ruleset.overrides if _concerns(each, rule, audience)],
        "vectors": _vectors(rule),
    }


def plain(value: Any) -> Any:
    """A value of a pack as JSON has it: lists sorted."""
    if isinstance(value, frozenset | Patterns):
        return sorted(value)
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    return value


def in_words(value: Any) -> str:
    """A value of a pack for people."""
    match value:
        case None:
            return "not known: not checked"
        case bool():
            return "yes" if value else "no"
        case list():
            return " ".join(map(str, value)) or "none"
        case dict():
            return " · ".join(f"{name.replace('_', ' ')}: {in_words(inner)}" for name, inner in value.items())
        case _:
            return str(value)


def _parameters(rule: Rule, ruleset: Ruleset, audience: Audience, on: date, built_in: Ruleset | None) -> Iterator[Told]:
    layered = ruleset.terms[rule.id].parameters
    for name in rule.parameters:
        given = {layer: parameters[name] for layer, parameters in layered.items() if name in parameters}
        layer = next(layer for layer in (*audience.layers, None) if layer in given)
        before = built_in.terms[rule.id].parameters if built_in else {}
        units = [given[layer].unit, given[None].unit, *(each[name].unit for each in before.values() if name in each)]
        replaced = [
            _valued(other, before[other][name], on)
            for other, parameter in given.items()
            if parameter.pack.startswith(f"{OVERLAY}/") and name in before.get(other, {})
        ]
        others = [_valued(other, parameter, on) for other, parameter in given.items() if other != layer]
        yield {
            "name": name,
            "unit": next(filter(None, units), None),
            **_valued(layer, given[layer], on),
            "because": _because(layer, audience),
            "later": [
                _dated(each) for each in given[layer].values if each.starts_on is not None and each.starts_on > on
            ],
            "others": others,
            "replaced": replaced,
        }


def _valued(layer: str | None, parameter: Parameter, on: date) -> Told:
    return {"layer": layer or EVERYBODY, "pack": parameter.pack, **_dated(parameter.dated(on))}


def _dated(value: DatedValue | None) -> Told:
    """A value with where it comes from; before the first there is none."""
    if value is None:
        return {"value": None, "from": None, "source": None, "confidence": None}
    return {
        "value": plain(value.value),
        "from": _day(value.starts_on),
        "source": value.source,
        "confidence": value.confidence,
    }


def _because(layer: str | None, audience: Audience) -> str:
    """Why the values of a layer are those of the claims that are meant."""
    if layer is None:
        return "everybody's: nobody nearer gives one" if audience.layers else "everybody's: no payer was asked for"
    if layer == audience.payer_key:
        return f"payer {layer}"
    if audience.lcd and layer == audience.lcd.lcd:
        return f"LCD of the state of service ({audience.lcd.contractor})"
    return f"line of business {layer}"


def _override(override: Override, on: date) -> Told:
    return {
        "effect": override.effect,
        "severity": override.severity if override.effect == "soften" else None,
        "payer": override.on,
        "source": override.source,
        "from": None if override.starts_on == date.min else str(override.starts_on),
        "until": str(override.until),
        "reason": override.reason,
        "owner": override.owner,
        "in_effect": override.in_effect(on),
    }


def _concerns(override: Override, rule: Rule, audience: Audience) -> bool:
    """Whether an override is one of the rule and may be one of the claims that are meant."""
    return (
        override.rule == rule.id
        and (override.on is None or not audience.layers or override.on in audience.layers)
        and (override.source is None or audience.source is None or override.source == audience.source)
    )


def _vectors(rule: Rule) -> Told | None:
    path = file_of(rule.id)
    if not path.exists():
        return None
    counts: dict[str, int] = {}
    for case in read_vectors(path).cases:
        counts[case.kind] = counts.get(case.kind, 0) + 1
    return {"file": f"{HERE.name}/{path.relative_to(HERE).as_posix()}", "cases": sum(counts.values()), "kinds": counts}


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
