"""Content types of the records that cross a topic: which format, which version."""

from typing import Literal, get_args

Kind = Literal["claim", "authorization", "encounter", "purge", "decision", "withdrawal", "manifest"]

KINDS: tuple[str, ...] = get_args(Kind)
VERSION = 1
_PREFIX = "application/vnd.claimstream."


def content_type(kind: Kind, version: int = VERSION) -> str:
    """`application/vnd.claimstream.claim+json;v=1`."""
    return f"{_PREFIX}{kind}+json;v={version}"


def parse_content_type(header: str) -> tuple[str, int] | None:
    """Kind and version of one of our content types; None for any other. Without a version it is version 1.

    A version that is no number of up to four digits is given as 0.
    """
    media_type, _, parameters = header.replace(" ", "").lower().partition(";")
    if not (media_type.startswith(_PREFIX) and media_type.endswith("+json")):
        return None
    kind = media_type.removeprefix(_PREFIX).removesuffix("+json")
    if not parameters:
        return kind, VERSION
    name, _, number = parameters.partition("=")
    readable = name == "v" and number.isascii() and number.isdigit() and len(number) <= 4
    return kind, int(number) if readable else 0
