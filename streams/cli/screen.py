"""The screen of commands that print tables: a rich console that takes words as they are."""

import shutil
import sys

from rich.console import Console

from streams.cli.check_output import never_fail_to_encode
from streams.cli.check_text import WIDTH_MAX, WIDTH_MIN


def screen() -> Console:
    """On stdout, as wide as the terminal within reason; colour only on a terminal, NO_COLOR honoured."""
    never_fail_to_encode()
    width = min(max(shutil.get_terminal_size().columns, WIDTH_MIN), WIDTH_MAX)
    return Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)
