"""Packs, in their order, to what they say together: a later file replaces what an earlier one says of a thing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, get_args

from schemas.claim import LineOfBusiness
from schemas.decision import Severity
from validators.catalogue import RULES
from validators.pack import Pack, PackError, PackParameter, PackRule
from validators.pack_errors import perhaps
from validators.pack_places import FILE_OF_EVERYBODY, RULES_OF_EVERYBODY
from validators.parameters import DatedValue, Parameter, codes_of
from validators.payers import PayerMatch, Payers
from validators.ruleset import Lcd, Override, StateTerms, Terms


def terms_of(packs: Sequence[Pack]) -> dict[str, Terms]:
    """What the packs say of each rule. Raises PackError."""
    said: dict[str, list[tuple[Pack, PackRule]]] = {rule.id: [] for rule in RULES}
    for pack in packs:
        for rule_id, rule in pack.file.rules.items():
            if rule_id not in said:
                raise PackError(
                    f"pack {pack.name}, key rules.{rule_id}: there is no such rule; use an id of the catalogue"
                    f"{perhaps(rule_id, said)}"
                )
            said[rule_id].append((pack, rule))
    layers = _layers(packs)
    return {rule_id: _terms(rule_id, given, layers) for rule_id, given in said.items()}


def _terms(rule_id: str, given: Sequence[tuple[Pack, PackRule]], layers: frozenset[str]) -> Terms:
    base = PackRule()
    parameters: dict[str | None, dict[str, Parameter]] = {None: {}}
    severities: dict[str | None, Severity] = {}
    files_of_everybody = [pack.name for pack, _ in given if pack.file.layer is None]
    if not files_of_everybody:
        raise PackError(f"no pack names rule {rule_id}; write `rules: {{{rule_id}: {{}}}}` in {FILE_OF_EVERYBODY}")
    for pack, rule in given:
        layer, key = pack.file.layer, f"pack {pack.name}, key rules.{rule_id}"
        if unknown := sorted(set(rule.scope or ()) - layers):
            raise PackError(
                f"{key}.scope: {unknown[0]} is no payer key, line of business or LCD; write one of "
                f"{', '.join(sorted(layers))}{perhaps(unknown[0], layers)}"
            )
        changed = rule.model_fields_set.intersection(RULES_OF_EVERYBODY)
        base = base.model_copy(update={name: getattr(rule, name) for name in changed})
        if rule.severity is not None:
            severities[layer] = rule.severity
        for name, parameter in rule.parameters.items():
            parameters.setdefault(layer, {})[name] = parameter_of(pack.name, f"{key}.parameters.{name}", parameter)
    _require_days(rule_id, base, given)
    _require_what_is_read(rule_id, parameters, files_of_everybody[0])
    return Terms(
        scope=None if base.scope is None else frozenset(base.scope),
        starts_on=base.starts_on,
        ends_on=base.ends_on,
        stage=base.stage or "stable",
        secondary_payers=bool(base.secondary_payers),
        parameters=parameters,
        severities=severities,
    )


def _require_days(rule_id: str, base: PackRule, given: Sequence[tuple[Pack, PackRule]]) -> None:
    """A rule has a day to look at, whichever packs give its first and its last."""
    if base.starts_on is not None and base.ends_on is not None and base.starts_on > base.ends_on:
        *_, last = (pack.name for pack, rule in given if rule.model_fields_set & {"starts_on", "ends_on"})
        raise PackError(
            f"pack {last}, key rules.{rule_id}: from ({base.starts_on}) is after to ({base.ends_on}); write the first "
            "date of service, then the last, or switch the rule off under overrides"
        )


def _layers(packs: Sequence[Pack]) -> frozenset[str]:
    """Whose values there can be."""
    named = (pack.file.layer for pack in packs)
    return frozenset((*(layer for layer in named if layer is not None), *get_args(LineOfBusiness)))


def _require_what_is_read(
    rule_id: str, parameters: Mapping[str | None, Mapping[str, Parameter]], file_of_everybody: str
) -> None:
    """A rule has all parameters it reads, and nobody gives one it does not read."""
    wanted = next(rule for rule in RULES if rule.id == rule_id).parameters
    key = f"key rules.{rule_id}.parameters"
    for name in wanted:
        if name not in parameters[None]:
            raise PackError(
                f"pack {file_of_everybody}, {key}: the rule reads {name}, which is not given for everybody; add it here"
            )
    for given in parameters.values():
        for name, parameter in given.items():
            if name not in wanted:
                instead = f"write one of {', '.join(wanted)}" if wanted else "name it in the rule's `parameters`"
                raise PackError(
                    f"pack {parameter.pack}, {key}.{name}: the rule does not read this parameter; remove it, or "
                    f"{instead}{perhaps(name, wanted)}"
                )


def parameter_of(pack: str, where: str, given: PackParameter) -> Parameter:
    """A parameter as rules read it. Raises PackError."""
    starts = [value.starts_on for value in given.values]
    for before, after in pairwise(starts):
        if after is None or (before is not None and after <= before):
            raise PackError(
                f"{where}: the value from {after or 'null'} stands after the one from {before or 'null'}; write values "
                "in order of `from`, each date once, null only first"
            )
    return Parameter(
        given.unit,
        tuple(DatedValue(_frozen(v.value, where), v.starts_on, v.source, v.confidence) for v in given.values),
        pack,
    )


def _frozen(value: Any, where: str) -> Any:
    """Lists of a pack are sets of codes to the rules: they are only asked what they contain."""
    if isinstance(value, list):
        for code in value:
            if not isinstance(code, str):
                raise PackError(f"{where}: {code} stands in a list of codes; write it in quotes")
        return codes_of(value)
    if isinstance(value, dict):
        return {key: _frozen(inner, where) for key, inner in value.items()}
    return value


def payers_of(packs: Sequence[Pack]) -> Payers:
    """The payer ids, and the keys of lines of business. Raises PackError."""
    defaults = _payer_keys_of_lines_of_business(packs)
    by_id: dict[str, PayerMatch] = {}
    named_in: dict[str, str] = {}
    for pack in packs:
        for payer_id, said in pack.file.payer_ids.items():
            match = PayerMatch(pack.file.payer or defaults[said.line_of_business], said.line_of_business)
            if by_id.setdefault(payer_id, match).key != match.key:
                raise PackError(
                    f"pack {pack.name}, key payer_ids.{payer_id}: pack {named_in[payer_id]} names this id too, of "
                    f"{by_id[payer_id].key}; leave it in one"
                )
            by_id[payer_id], named_in[payer_id] = match, pack.name
    reached = {match.key for match in by_id.values()}.union(defaults.values())
    for pack in packs:
        if pack.file.payer is not None and pack.file.payer not in reached:
            raise PackError(
                f"pack {pack.name}, key payer: no payer id leads to {pack.file.payer}; add payer_ids, or write one of "
                f"{', '.join(sorted(reached))}{perhaps(pack.file.payer, reached)}"
            )
    return Payers(by_id, defaults)


def _payer_keys_of_lines_of_business(packs: Sequence[Pack]) -> dict[LineOfBusiness, str]:
    keys = {pack.file.payer for pack in packs if pack.file.payer is not None}
    found: dict[LineOfBusiness, str] = {}
    for pack in packs:
        for line_of_business, key in pack.file.line_of_business_defaults.items():
            if key not in keys:
                raise PackError(
                    f"pack {pack.name}, key line_of_business_defaults.{line_of_business}: no pack is of payer {key}; "
                    f"write one of {', '.join(sorted(keys))}"
                )
            found[line_of_business] = key
    for line_of_business in get_args(LineOfBusiness):
        if line_of_business not in found:
            raise PackError(
                f"no pack gives line_of_business_defaults.{line_of_business}; add it to {FILE_OF_EVERYBODY}"
            )
    return found


def lcds_of(packs: Sequence[Pack]) -> dict[str, Lcd]:
    """By state of service the determination that holds there. Raises PackError.

    Two files do not claim a state, and no file is of a determination that none describes.
    """
    lcds: dict[str, Lcd] = {}
    claimed: dict[str, str] = {}
    for pack in packs:
        if (said := pack.file.lcd) is None:
            continue
        for jurisdiction, states in said.jurisdictions.items():
            for state in states:
                if claimed.setdefault(state, pack.name) != pack.name:
                    raise PackError(
                        f"pack {pack.name}, key lcd.jurisdictions.{jurisdiction}: {state} is in {claimed[state]} too; "
                        "write each state once"
                    )
                lcds[state] = Lcd(
                    said.lcd, said.article, said.contractor, jurisdiction, said.starts_on, said.confidence
                )
    known = {lcd.lcd for lcd in lcds.values()}
    for pack in packs:
        if pack.file.of_lcd is not None and pack.file.of_lcd not in known:
            raise PackError(
                f"pack {pack.name}, key of_lcd: no file describes {pack.file.of_lcd}; write one of "
                f"{', '.join(sorted(known))}, or describe it under lcd"
            )
    return lcds


def overrides_of(packs: Sequence[Pack]) -> tuple[Override, ...]:
    """The rules that are switched off, softened or tried. Raises PackError."""
    return tuple(_overrides(packs, {rule.id for rule in RULES}, _layers(packs)))


def _overrides(packs: Sequence[Pack], rules: Collection[str], layers: Collection[str]) -> Iterator[Override]:
    for pack in packs:
        for number, said in enumerate(pack.file.overrides):
            key = f"pack {pack.name}, key overrides.{number}"
            if said.rule not in rules:
                raise PackError(
                    f"{key}.rule: there is no rule {said.rule}; use an id of the catalogue{perhaps(said.rule, rules)}"
                )
            if said.payer is not None and said.payer not in layers:
                raise PackError(
                    f"{key}.payer: {said.payer} is no payer key, line of business or LCD; write one of "
                    f"{', '.join(sorted(layers))}{perhaps(said.payer, layers)}"
                )
            if said.payer is not None and pack.file.layer not in (None, said.payer):
                raise PackError(f"{key}.payer: this pack is of {pack.file.layer}; leave the payer out")
            yield Override(
                rule=said.rule,
                effect=said.effect,
                severity=said.severity or "info",
                on=said.payer or pack.file.layer,
                source=said.source,
                starts_on=said.starts_on or date.min,
                until=said.until,
                reason=said.reason,
                owner=said.owner,
            )


def state_of(packs: Sequence[Pack]) -> StateTerms:
    """How far back state reaches."""
    terms = StateTerms()
    for pack in packs:
        if (said := pack.file.state) is not None:
            terms = StateTerms(said.look_back_months, said.revision_days)
    return terms
