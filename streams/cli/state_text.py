"""What people see of `state`: partitions as a table, one patient as a list, differences, and the end of a purge."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import click

from streams.cli.check_output import never_fail_to_encode
from streams.state.entry import Purge
from streams.state.inspecting import KINDS, Told
from streams.state.purging import Remains
from streams.state.verifying import Account, Fault
from validators.history import VOID
from validators.ruleset import StateTerms

WIDTH = 80
WORDS = {
    "claim": ("claim", "claims"),
    "authorization": ("authorization", "authorizations"),
    "encounter": ("encounter", "encounters"),
    "met": ("other event", "other events"),
    "purge": ("purge", "purges"),
    "session": ("session", "sessions"),
}
"""What each kind is called, one and several of them; `met` are events of which nothing but that is kept."""
FAULTS: dict[Fault, str] = {
    "missing": "the log says it and the changelog lacks it",
    "unexpected": "the changelog has it and the log does not say it",
    "differs": "the changelog says something else than the log",
}
_COLUMNS = (("claim", 9), ("authorization", 6), ("encounter", 6), ("met", 9), ("purge", 6))
_HEAD = f"{'#':>3}{'members':>8}{'claims':>9}{'auth':>6}{'enc':>6}{'met':>9}{'purge':>6}{'kB':>8}  arrived"


def print_partitions(topic: str, told: Sequence[Told]) -> None:
    """A line a partition, and what they come to."""
    never_fail_to_encode()
    click.echo(f"{topic} · {_count(len(told), 'partition')}")
    click.echo()
    click.echo(_HEAD)
    for each in told:
        days = (each["first_arrived_on"], each["last_arrived_on"])
        click.echo(f"{each['partition']:>3}{_numbers(each)}  {'…'.join(filter(None, days))}".rstrip())
    click.echo(f"{'all':>3}{_numbers(_total(told))}")
    click.echo()
    click.echo("auth: authorizations · enc: encounters · met: events of which that alone is kept")
    if unowned := [str(each["partition"]) for each in told if not each["identity"]]:
        click.echo(f"without the record of whose state it is, which a worker writes: {', '.join(unowned)}")


def _numbers(told: Told) -> str:
    entries = told["entries"]
    counts = "".join(f"{entries[kind]:>{width},}" for kind, width in _COLUMNS)
    return f"{told['members']:>8,}{counts}{-(-told['bytes'] // 1000):>8,}"


def _total(told: Sequence[Told]) -> Told:
    entries = {kind: sum(each["entries"][kind] for each in told) for kind in KINDS}
    return {"entries": entries, **{name: sum(each[name] for each in told) for name in ("members", "bytes")}}


def print_patient(token: str, topic: str, told: Sequence[Told]) -> None:
    """Everything kept of a patient."""
    never_fail_to_encode()
    if not told:
        click.echo(f"nothing is kept of {token} in {topic}")
        return
    first, *rest = told
    click.echo(f"patient {token}")
    click.echo(_entries(first["entries"]))
    for kind, group in groupby(rest, key=lambda each: each["kind"]):
        click.echo()
        click.echo(f"{WORDS[kind][1]}{'' if kind == 'session' else ' · arrived, position in the log, person'}")
        for each in group:
            for line in _LINES[kind](each):
                _wrapped(line)


def _claim(told: Told) -> Iterator[str]:
    words = [told["role"], f"frequency {told['frequency_code']}"]
    words += [] if told["in_scope"] else ["out of scope"]
    if told["in_scope"] and told["frequency_code"] != VOID:
        words.append("counts" if told["counts"] else "counts no more")
    words += ["waits for its original"] if told["waiting"] else []
    yield f"{_came(told)}  {' · '.join(words)}"
    for line in told["lines"]:
        code = "-".join((line["procedure_code"], *line["modifiers"]))
        yield f"    {code:<12} {line['service_date']}  {_units(line['units'])}"
    for revision, issued in enumerate(told["issued"]):
        yield f"    {issued['outcome']} · revision {revision} · by {issued['position']:,}"


def _authorization(told: Told) -> Iterator[str]:
    if told.get("sealed"):
        yield f"{_came(told)}  sealed; CLAIMSTREAM_TOKEN_KEY_FILE opens it"
        return
    yield f"{_came(told)}  {told['status']} · {told['valid_from'] or '…'} to {told['valid_to'] or '…'}"
    services = (
        f"{each['procedure_code']} ({_units(each['units'])})" if each["units"] else each["procedure_code"]
        for each in told["services"]
    )
    yield f"    for {', '.join(services) or 'any procedure'}"
    dates = told["consumed"]["dates"]
    yield f"    used on {', '.join(dates)}" if dates else "    not used so far"


def _encounter(told: Told) -> Iterator[str]:
    facts = dict(told["facts"])
    yield f"{_came(told)}  session of {facts.pop('service_date')}"
    yield f"    knows {', '.join(facts) or 'nothing else'}"


def _purge(told: Told) -> Iterator[str]:
    yield f"{_came(told)}  {_count(told['entries'], 'entry', 'entries')} · {told['sha256']}"


def _session(told: Told) -> Iterator[str]:
    yield f"  {told['region'].replace('_', '-')} · person {told['person'][:8]} · {', '.join(told['days'])}"


def _met(told: Told) -> Iterator[str]:
    yield _came(told)
    yield f"    event {told['event_id']}"


_LINES = {
    "claim": _claim,
    "authorization": _authorization,
    "encounter": _encounter,
    "met": _met,
    "purge": _purge,
    "session": _session,
}


def _came(told: Told) -> str:
    return f"  {told['arrived_on']}  {told['position']:>7,}  {(told['person'] or 'anybody')[:8]:8}"


def _units(number: str) -> str:
    return f"{number} unit{'s' * (number != '1')}"


def _entries(counts: Mapping[str, int]) -> str:
    return " · ".join(_count(count, *WORDS[kind]) for kind, count in counts.items() if count) or "nothing"


def print_account(log: str, account: Account, terms: StateTerms, seconds: float) -> None:
    """Where the changelog is not what the log says, and what was compared."""
    never_fail_to_encode()
    read = f"{_count(account.records, 'record')} recounted in {seconds:,.1f} s"
    click.echo(f"{log} · {_count(account.partitions, 'partition')} · {read}")
    click.echo(f"{_count(account.compared, 'entry', 'entries')} compared")
    if account.cut:
        _wrapped(
            f"{_count(account.cut, 'partition')} of the log begins later than it once did: "
            f"{_count(account.before_log, 'entry', 'entries')} of before that, and what arrived more than "
            f"{terms.revision_days} days ago, are not compared"
        )
    if account.older:
        click.echo(f"{_count(account.older, 'entry', 'entries')} of a former version, not compared")
    for fault, group in groupby(sorted(account.examples), key=lambda each: each.fault):
        click.echo()
        click.echo(f"{fault} ({account.faults[fault]:,}): {FAULTS[fault]}")
        for each in group:
            click.echo(f"  {each.entry} of {log}:{each.partition}:{each.position}")
            click.echo(f"    event {each.event_id}")
    click.echo()
    hidden = account.differences - len(account.examples)
    if hidden:
        click.echo(f"{hidden:,} more; --limit shows more of them")
    click.echo(
        f"{_count(account.differences, 'entry', 'entries')} not as the log says"
        if account.differences
        else "the state is what the log says"
    )


def print_purge(
    token: str,
    kept: Mapping[str, int],
    position: str | None,
    proof: Purge | None,
    left: Sequence[Remains],
    *,
    typed: str,
) -> None:
    """What would go or went, the proof, and what remains elsewhere; `typed` is the command that does it."""
    never_fail_to_encode()
    click.echo(f"patient {token}{'' if position else ' · dry run'}")
    click.echo(f"{'kept until now' if position else 'would go'}: {_entries(kept)}")
    if proof is not None:
        click.echo(f"forgotten from {position} on")
        click.echo(f"proof: {_count(proof.entries, 'entry', 'entries')} in use until then")
        click.echo(f"       {proof.sha256}")
    click.echo()
    click.echo("what remains elsewhere, and the day by which the last of it is gone:")
    for until, group in groupby(sorted(left, key=lambda each: each.until), key=lambda each: each.until):
        _wrapped(f"  {until}  {', '.join(each.topic for each in group)}")
    if not position:
        click.echo()
        click.echo(f"Forget the patient:\n  {typed}")


def _wrapped(line: str) -> None:
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    click.echo("\n".join(textwrap.wrap(line, WIDTH, subsequent_indent=indent, drop_whitespace=True) or [""]))


def _count(number: int, what: str, several: str | None = None) -> str:
    return f"{number:,} {what if number == 1 else several or what + 's'}"
