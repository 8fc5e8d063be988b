"""`claimstream rules new`: begin a rule, with everything it consists of."""

import click

from streams.cli import EXIT_USAGE, fail, print_line
from streams.rulebook.scaffold import ROOT, RefusedError, begin, draft_of
from validators.rule import FAMILIES


@click.command("new")
@click.argument("rule_id", metavar="ID")
@click.argument("name")
@click.option("--family", type=click.Choice([*FAMILIES.values()]), help="The family, which the id says too.")
@click.option("--codes", multiple=True, metavar="CODE,…", help="Procedure codes it looks at. Default: every line.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="json: one object a line.")
def new_command(*, rule_id: str, name: str, family: str | None, codes: tuple[str, ...], output: str) -> None:
    """Begin the rule ID (like CODE-03) called NAME (what is wrong, like add-on-without-primary) in this checkout.

    Writes its module, vectors, news, and lines of catalogue and pack, and overwrites nothing. The rule says nothing
    yet, so its vectors fail until both are written. How to go on: validators/README.md.

    Exit code: 0, 2 the id or the name cannot be that of a new rule.
    """
    try:
        draft = draft_of(rule_id, name, family, codes)
        begun = begin(draft)
    except RefusedError as error:
        fail(str(error), EXIT_USAGE)
    new, changed = ([path.relative_to(ROOT).as_posix() for path in paths] for paths in (begun.new, begun.changed))
    if output == "json":
        print_line({"id": draft.id, "name": draft.name, "family": draft.family, "new": new, "changed": changed})
        return
    click.echo(f"{draft.id} {draft.name} is begun; it says nothing yet")
    for word, paths in (("new", new), ("changed", changed)):
        for path in paths:
            click.echo(f"  {word:<8} {path}")
    click.echo(f"Next: write its vectors and its check (validators/README.md), then claimstream rules test {draft.id}")
