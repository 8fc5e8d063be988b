"""What the demo shows of the account: bars, findings and causes, made to be understood without a manual."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from rich.console import Group, JustifyMethod, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from streams.demo.tally import Account, RuleTotal, SeenFinding, Tally

WIDTH = 80
BAR_WIDTH = 22
TOP_FINDINGS = 5
TOP_CAUSES = 6
BAR, REST = "█", "░"
_ROWS = (
    ("accepted", "accepted", "green", "can be sent as it is"),
    ("flagged", "flagged", "yellow", "look at it first"),
    ("denied_risk", "denied-risk", "red", "would be denied: fix it"),
    ("dead_letters", "dead letters", "magenta", "could not be read"),
    ("redelivered", "redelivered", "cyan", "came twice, judged once"),
)
"""Field of the account, its name on screen, its colour, and what it means to whoever sends claims."""

_SPELLED = {"wiser": "WISeR", "utn": "UTN"}


@dataclass(frozen=True, slots=True)
class View:
    """What is shown at a moment; `waiting` are claims sent and not yet accounted for, `per_second` those decided."""

    account: Account
    sent: int
    wanted: int
    waiting: int
    per_second: float
    totals: dict[str, RuleTotal]
    causes: dict[str, int]

    @classmethod
    def of(cls, tally: Tally, *, sent: int, wanted: int, per_second: float) -> "View":
        """The view of a tally while `sent` of `wanted` claims are on their way."""
        account = tally.account()
        waiting = max(0, sent - account.received + account.lost)
        causes = dict(tally.dead_letter_causes.most_common())
        return cls(account, sent, wanted, waiting, per_second, tally.rule_totals(), causes)

    @property
    def headline(self) -> str:
        """How far it is, how fast, and how many claims wait."""
        done = self.account.received - self.account.lost
        return f"{done:,} of {self.wanted:,} claims · {self.per_second:,.0f} claims/s · lag {self.waiting:,} claims"


def live_panel(view: View) -> RenderableType:
    """The panel that is redrawn in place."""
    return Panel(
        Group(outcomes(view), Text(), findings(view), Text(), causes(view)),
        title=Text(f" {view.headline} ", "bold"),
        title_align="left",
        border_style="dim",
        width=WIDTH,
    )


def outcomes(view: View) -> RenderableType:
    """A bar for each place a claim can end up in."""
    table = _table(("left", 12), ("left", BAR_WIDTH), ("right", 7), ("right", 6), ("left", 23))
    total = max(1, view.account.received)
    for field, name, style, meaning in _ROWS:
        count = getattr(view.account, field)
        # At least one block for anything that is there.
        blocks = max(1, round(BAR_WIDTH * count / total)) if count else 0
        bar = Text(BAR * blocks, style).append(REST * (BAR_WIDTH - blocks), "dim")
        table.add_row(Text(name, style), bar, f"{count:,}", f"{count / total:.1%}", Text(meaning, "dim"))
    return table


def findings(view: View) -> RenderableType:
    """The dearest findings: rule, what is wrong, claims, dollars. As many rows as there will be, so nothing jumps."""
    table = _table(("left", 8), ("left", 46), ("right", 7), ("right", 12))
    dearest = Text("Top findings by dollars at risk", "bold")
    table.add_row(Text("rule", "dim"), dearest, Text("claims", "dim"), Text("at risk", "dim"))
    top = list(view.totals.items())[:TOP_FINDINGS]
    for rule, total in top:
        style = "red" if total.example.severity == "deny" else "yellow"
        table.add_row(Text(rule, style), in_words(total.example.name), f"{total.claims:,}", dollars(total.dollars))
    for _ in range(TOP_FINDINGS - len(top)):
        table.add_row(Text("-", "dim"))
    return table


def causes(view: View) -> Text:
    """Why records became dead letters."""
    text = Text("Dead letters  ", "bold")
    listed = [f"{count:,} {code}" for code, count in view.causes.items()]
    rest = sum(list(view.causes.values())[TOP_CAUSES:])
    shown = " · ".join([*listed[:TOP_CAUSES], *([f"{rest:,} of other kinds"] if rest else ())])
    return text.append(shown or "none", "magenta" if shown else "dim")


def _table(*columns: tuple[JustifyMethod, int]) -> Table:
    """A table of fixed columns, one blank apart."""
    table = Table.grid(padding=(0, 1, 0, 0))
    for justify, width in columns:
        table.add_column(justify=justify, width=width, no_wrap=True, overflow="ellipsis")
    return table


def conservation(account: Account, width: int) -> str:
    """Every item received and where it went, which must add up: in one line, or in two where it is too long."""
    parts = [f"{getattr(account, field):,} {name}" for field, name, _, _ in _ROWS]
    start = f"{account.received:,} in = "
    line = f"{start}{' + '.join(parts)} · {account.lost:,} lost"
    if len(line) <= width:
        return line
    first, second = " + ".join(parts[:3]), " + ".join(parts[3:])
    return f"{start}{first}\n{'':{len(start) - 2}}+ {second} · {account.lost:,} lost"


def three_examples(totals: dict[str, RuleTotal]) -> list[SeenFinding]:
    """The dearest example of three rules, of different families where there are as many."""
    first_of_family: dict[str, SeenFinding] = {}
    for rule, total in totals.items():
        first_of_family.setdefault(rule.partition("-")[0], total.example)
    others = [total.example for total in totals.values() if total.example not in first_of_family.values()]
    return [*first_of_family.values(), *others][:3]


def finding_lines(found: SeenFinding) -> Iterator[tuple[str, str]]:
    """A finding as a headline and its lines, each with the style it is shown in."""
    verdict = "would be denied" if found.severity == "deny" else "needs a look"
    yield f"{found.rule}  claim {found.claim_id} {verdict}: {dollars(found.dollars)} at risk", "bold"
    yield f"  seen  {found.message}", ""
    yield f"  fix   {found.suggestion}", "cyan"
    document, section, vintage = (found.citation.get(key) for key in ("document", "section", "vintage"))
    source = ", ".join(filter(None, [document, section])) + (f" ({vintage})" if vintage else "")
    yield f"  why   {source}", "dim"


def dollars(amount: Decimal) -> str:
    """Money for people: `$1,850`."""
    return f"${amount:,.0f}" if amount == amount.to_integral_value() else f"${amount:,.2f}"


def in_words(name: str) -> str:
    """A rule's name as words."""
    return " ".join(_SPELLED.get(word, word) for word in name.split("-"))
