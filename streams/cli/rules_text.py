"""What people see of `rules list` and `rules show`: a table of all, a page of one; 80 columns are enough."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from streams.cli.check_text import counted
from streams.cli.screen import screen
from streams.rulebook.told import EVERYBODY, Told, in_words

STYLES = {"deny": "red", "flag": "yellow", "info": "blue", "trial": "magenta"}
WIDTH, WIDE = 80, 110
"""From here on there is room for the longest name in one line, and to name payers and needs in full."""

_SHORT = {"history": "hist", "encounter": "enc", "authorization": "auth"}
_LABEL_WIDTH = 9


def print_list(told: Sequence[Told], version: str) -> None:
    """A line a rule, by family."""
    out = screen()
    wide = out.width >= WIDE
    out.print(Text(f"rules {version} · {counted(len(told), 'rule')}", style="bold"))
    table = Table(box=None, padding=(0, 2 if wide else 1, 0, 0), pad_edge=False, header_style="dim")
    for name in ("id", "name", "severity" if wide else "sev", "also needs" if wide else "needs", "payers"):
        table.add_column(name, no_wrap=name == "id" or (name == "name" and out.width >= WIDTH))
    for family, rules in groupby(told, key=lambda each: each["family"]):
        table.add_row()
        table.add_row("", Text(family, style="bold"))
        for each in rules:
            severity = "trial" if each["stage"] == "trial" else each["severity"]
            needs = [need if wide else _SHORT[need] for need in each["needs"] if need != "claim"]
            table.add_row(
                each["id"],
                each["name"],
                Text(severity, style=STYLES[severity]),
                (", " if wide else " ").join(needs),
                _scope(each["scope"], wide=wide),
            )
    out.print(table)
    out.print()
    if not wide:
        out.print(Text("needs besides the claim: hist(ory), enc(ounter facts), auth(orizations)", style="dim"))
    out.print(Text("All of one: claimstream rules show CODE-03 --payer KEY", style="dim"))


def _scope(scope: Sequence[str], *, wide: bool) -> str:
    if scope == [EVERYBODY]:
        return EVERYBODY
    return ", ".join(scope) if wide else f"{len(scope)}"


def print_rule(told: Told) -> None:
    """Everything about one rule."""
    out = screen()
    severity = told["severity"]
    out.print(Text.assemble((f"{told['id']}  {told['name']}", "bold"), "  ", (severity, STYLES[severity])))
    out.print(Text(_head(told), style="dim"))
    out.print()
    out.print(_page(told))
    for heading, rows in (("Parameters", _parameters(told)), ("Overrides", _overrides(told))):
        if rows:
            out.print()
            out.print(Text(f"{heading} · {_asked(told['asked'])}", style="bold"))
            for row in rows:
                out.print(Padding(row, (0, 0, 0, 2), expand=False))


def _head(told: Told) -> str:
    effective = told["effective"]
    words = [told["family"], "trial: whatever it finds is information only" if told["stage"] == "trial" else "stable"]
    words.append(f"needs {', '.join(told['needs'])}")
    if effective["from"] or effective["to"]:
        words.append(f"services {effective['from'] or '…'} to {effective['to'] or '…'}")
    else:
        words.append("services of any date")
    return " · ".join(words)


def _asked(asked: Mapping[str, Any]) -> str:
    """Whose claims, of what day."""
    words = [asked["payer"] or "nobody in particular", asked["line_of_business"], asked["lcd"], asked["source"]]
    return f"{', '.join(dict.fromkeys(filter(None, words)))} on {asked['on']}"


def _page(told: Told) -> RenderableType:
    page = Table.grid(padding=(0, 2, 0, 0))
    page.add_column(width=_LABEL_WIDTH)
    page.add_column(overflow="fold")
    for label, words in _lines(told):
        if words:
            page.add_row(f"  {label}", words)
    return page


def _lines(told: Told) -> Iterator[tuple[str, str]]:
    carc = f"CARC {told['carc']}" if told["carc"] else ""
    rarc = f"RARC {', '.join(told['rarc'])}" if told["rarc"] else ""
    yield "What", told["what"]
    yield "Why", told["why"]
    yield "Fires", told["fires"]
    yield "Not", told["not"]
    yield "Fix", told["suggestion"]
    yield "Codes", " · ".join(filter(None, (carc, rarc)))
    yield "Cites", _citation(told["citation"])
    yield "Payers", _payers(told)
    yield "Applies", _applies(told)
    yield "Wakes", _wakes(told)
    yield "Yields", _yields(told["bypassed_by"])
    yield "Lifts", f"{', '.join(told['suppresses'])}, where this one fires" if told["suppresses"] else ""
    yield "Tables", ", ".join(f"{name} {vintage or 'not loaded'}" for name, vintage in told["tables"].items())
    yield "Vectors", _vectors(told["vectors"])


def _citation(citation: Mapping[str, Any]) -> str:
    words = [citation["document"], citation["section"]]
    how = [citation["vintage"], citation["effective"] and f"effective {citation['effective']}", citation["confidence"]]
    return f"{', '.join(filter(None, words))} ({', '.join(filter(None, how))})"


def _payers(told: Told) -> str:
    scope = "all" if told["scope"] == [EVERYBODY] else ", ".join(told["scope"])
    return f"{scope}; only where the payer is the primary one" if told["primary_payer_only"] else scope


def _applies(told: Told) -> str:
    asked = told["asked"]
    still_open = asked["lines_of_business_open"]
    which = f"; its claims are {' or '.join(still_open)}: say --line-of-business" if still_open else ""
    return f"{'to' if told['applies'] else 'NOT to'} claims of {_asked(asked)}{which}" if asked["payer"] else ""


def _yields(to: Sequence[str]) -> str:
    which = "it" if len(to) == 1 else "one of them"
    return f"to {', '.join(to)}, where {which} fires" if to else ""


def _wakes(told: Told) -> str:
    if told["codes"] is None and told["modifiers"] is None:
        return "on every line of every claim" if told["every_claim"] else "on every line of a claim with an injection"
    codes = in_words([*_folded(told["codes"])]) if told["codes"] is not None else "any code"
    return codes if told["modifiers"] is None else f"{codes} with modifier {in_words(told['modifiers'])}"


def _folded(codes: Sequence[str]) -> Iterator[str]:
    """Codes in their order; three or more that follow one another as the first and the last."""

    def run(placed: tuple[int, str]) -> tuple[str, int]:
        place, code = placed
        letter, number = (code[:1], code[1:]) if code[:1].isalpha() else ("", code)
        return (letter, int(number) - place) if number.isdecimal() else (code, 0)

    for _, group in groupby(enumerate(codes), key=run):
        each = [code for _, code in group]
        yield from each if len(each) < 3 else [f"{each[0]}-{each[-1]}"]


def _vectors(vectors: Mapping[str, Any] | None) -> str:
    if vectors is None:
        return "none"
    kinds = " · ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(vectors["kinds"].items()))
    return f"{vectors['cases']}: {kinds} ({vectors['file']})"


def _parameters(told: Told) -> list[RenderableType]:
    rows: list[RenderableType] = []
    for each in told["parameters"]:
        heading = Table.grid(padding=(0, 2, 0, 0))
        heading.add_row(Text(each["name"], "cyan", no_wrap=True), each["unit"] or "")
        rows.append(heading)
        page = Table.grid(padding=(0, 2, 0, 0))
        page.add_column(width=_LABEL_WIDTH - 2)
        page.add_column(overflow="fold")
        page.add_row("  is", Text(in_words(each["value"]), style="bold"))
        page.add_row("  by", f"{each['because']} · {each['pack']}")
        page.add_row("  from", _origin(each))
        for later in each["later"]:
            page.add_row("  then", f"{in_words(later['value'])} from {later['from']}")
        for replaced in each["replaced"]:
            page.add_row("  was", f"{replaced['layer']}: {in_words(replaced['value'])} in {replaced['pack']}")
        for value, layers in _alike(each["others"]):
            page.add_row("  else", f"{', '.join(layers)}: {value}")
        rows.append(page)
    severities = [each for each in told["severities"] if each["layer"] != EVERYBODY]
    if severities:
        words = ", ".join(f"{each['layer']} {each['severity']}" for each in severities)
        rows.append(Text(f"severity by payer: {words}"))
    return rows


def _origin(value: Mapping[str, Any]) -> str:
    until = f" until {value['later'][0]['from']}" if value["later"] else ""
    since = f"in force since {value['from']}{until}" if value["from"] else f"in force{until or ' on every date'}"
    confidence = f" ({value['confidence']})" if value["confidence"] else ""
    return f"{since} · {value['source'] or 'no source is given'}{confidence}"


def _alike(others: Sequence[Told]) -> Iterator[tuple[str, list[str]]]:
    """The values of other layers, each once with those that have it."""
    by_value: dict[str, list[str]] = {}
    for other in others:
        by_value.setdefault(in_words(other["value"]), []).append(other["layer"])
    yield from by_value.items()


def _overrides(told: Told) -> list[RenderableType]:
    rows: list[RenderableType] = []
    for each in told["overrides"]:
        effect = f"soften to at most {each['severity']}" if each["severity"] else each["effect"]
        whose = " · ".join(filter(None, (each["payer"] or "all payers", each["source"])))
        days = f"services {each['from'] or '…'} to {each['until']}{'' if each['in_effect'] else ' (not on this date)'}"
        rows.append(Text(f"{effect} · {whose} · {days}"))
        rows.append(Padding(Text(f"{each['reason']} · owner {each['owner']}"), (0, 0, 0, 2)))
    return rows
