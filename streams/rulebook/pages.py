"""The page of all rules, `validators/CATALOGUE.md`: a table a family, and one of the values its rules go by."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby

from streams.rulebook.audience import Audience
from streams.rulebook.docs import doc_of, in_catalogue_order
from streams.rulebook.told import EVERYBODY, in_words, listed, plain
from validators.parameters import DatedValue, Layered, Patterns
from validators.rule import Rule
from validators.ruleset import Ruleset

HEAD = """# The rules

Generated from the rules and the built-in packs by `streams/generated_files.py`; do not edit, run `make generate`.
How a rule is made, and how a payer's values are changed without Python: [README.md](README.md). One rule with
everything about it, for a payer and a date: `claimstream rules show CODE-03 --payer KEY --on DATE`.

Severity: `deny` puts a claim at risk of denial, `flag` wants a person to look, `info` is information only; a rule on
trial only informs. Needs: what a rule reads besides the claim; what of it is absent is not checked, never passed.
CPT codes © American Medical Association; codes only, wording our own.
"""
_RULES = ("id", "name", "severity", "payers", "needs", "CARC · RARC", "dates of service", "what it says", "source")
_VALUES = ("rule", "parameter", "for", "from", "value", "source")
_LISTS = ("list", "for", "from", "codes", "source")


def catalogue_page(ruleset: Ruleset) -> str:
    """The whole page, in Markdown."""
    rules = in_catalogue_order(ruleset.rules)
    lines = [HEAD, f"{len(rules)} rules, version {ruleset.version.version}."]
    for family, group in groupby(rules, key=lambda rule: rule.family):
        of_family = [*group]
        lines += ["", f"## {family.capitalize()}", "", *_table(_RULES, (_rule(rule, ruleset) for rule in of_family))]
        values = [row for rule in of_family for row in _values(rule, ruleset)]
        if values:
            lines += ["", "Values they go by:", "", *_table(_VALUES, values)]
    lists = [*_lists(ruleset.diagnosis_tiers)]
    lines += ["", "## Lists of diagnoses", "", "In `packs`, key `diagnosis_tiers`.", "", *_table(_LISTS, lists)]
    return "\n".join([*lines, ""])


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        cells = (cell.replace("|", r"\|") for cell in row)
        yield f"| {' | '.join(cells)} |"


def _rule(rule: Rule, ruleset: Ruleset) -> Sequence[str]:
    told = listed(rule, ruleset, Audience())
    cited = rule.citation
    dates = told["effective"]
    return (
        rule.id,
        rule.name,
        told["severity"] + (", on trial" if told["stage"] == "trial" else ""),
        ", ".join(told["scope"]),
        ", ".join(need for need in told["needs"] if need != "claim"),
        " · ".join(filter(None, (rule.carc, *rule.rarc))),
        f"{dates['from'] or '…'} to {dates['to'] or '…'}" if dates["from"] or dates["to"] else "all",
        f"{doc_of(rule).what} *Fix:* {rule.suggestion}.",
        f"{', '.join(filter(None, (cited.document, cited.section)))} ({cited.confidence})",
    )


def _values(rule: Rule, ruleset: Ruleset) -> Iterator[Sequence[str]]:
    """Every dated value of a rule's parameters, and its severities for payers."""
    terms = ruleset.terms[rule.id]
    for name in rule.parameters:
        for layer, parameters in terms.parameters.items():
            for dated in parameters[name].values if name in parameters else ():
                unit = f" ({parameters[name].unit})" if parameters[name].unit else ""
                value = in_words(plain(dated.value))
                yield rule.id, f"`{name}`{unit}", layer or EVERYBODY, _from(dated.starts_on), value, _source(dated)
    for layer, severity in terms.severities.items():
        yield rule.id, "severity", layer or EVERYBODY, "always", severity, ""


def _lists(tiers: Layered) -> Iterator[Sequence[str]]:
    for layer, lists in tiers.items():
        for name, parameter in lists.items():
            for dated in parameter.values:
                listed_codes = dated.value if isinstance(dated.value, frozenset | Patterns) else dated.value[None]
                count = f"{len(listed_codes):,}"
                yield f"`{name}`", layer or EVERYBODY, _from(dated.starts_on), count, _source(dated)


def _from(day: date | None) -> str:
    return str(day) if day else "always"


def _source(dated: DatedValue) -> str:
    return f"{dated.source or ''}{f' ({dated.confidence})' if dated.confidence else ''}".strip()
