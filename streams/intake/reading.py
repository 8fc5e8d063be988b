"""A received record, whatever its bytes, to claims, rejections and warnings: the one way in for every command."""

from collections.abc import Iterator

from schemas.codec import KINDS, VERSION, parse_content_type
from schemas.rejection import Rejection, RejectionCode
from streams.intake.items import Item, Rejected, Span
from streams.intake.json_claim import read_json
from streams.intake.x12 import read_x12

MAX_RECORD_BYTES = 8 << 20
FORMATS = ("json", "x12", "unknown")

_BOM = b"\xef\xbb\xbf"
_WHITE = b" \t\r\n"
_X12_TYPES = frozenset({"application/edi-x12", "application/x12", "text/x12", "application/edi"})
_JSON_TYPES = frozenset({"application/json", "application/fhir+json", "text/json"})
_X12_STARTS = (b"ISA", b"GS", b"ST", b"IEA")


def sniff(record: bytes) -> str:
    """The format of a record by its first bytes: json, x12 or unknown."""
    head = record[:4096].removeprefix(_BOM).lstrip(_WHITE)
    if head.startswith((b"{", b"[")):
        return "json"
    if head.startswith(_X12_STARTS) and not head[2:4].isalpha():
        return "x12"
    return "x12" if head.startswith(b"ISA") else "unknown"


def format_of(record: bytes, content_type: str | None = None) -> str:
    """The format of a record by its content type, else by its first bytes."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type in _X12_TYPES:
        return "x12"
    if media_type in _JSON_TYPES or (content_type and parse_content_type(content_type)):
        return "json"
    return sniff(record)


def read_record(record: bytes, content_type: str | None = None, *, limit: int = MAX_RECORD_BYTES) -> Iterator[Item]:
    """Everything in a record, in its order; at least one claim or rejection, never an exception.

    `limit` is the largest record in bytes that is read at all.
    """
    if len(record) > limit:
        megabytes = limit >> 20
        yield _whole(record, "too-large", f"{len(record)} bytes, more than {megabytes} MiB; send smaller records")
        return
    bare = record.removeprefix(_BOM).strip(_WHITE)
    if not bare:
        yield _whole(record, "empty", "the record is empty; send a claim")
        return
    refused = _refused_type(content_type)
    if refused is not None:
        yield _whole(record, *refused)
        return
    match format_of(record, content_type):
        case "x12":
            yield from read_x12(record)
        case "json":
            yield read_json(bare)
        case _:
            yield _whole(record, "unknown-format", f"{_kind_of(bare)}; send X12 837P (begins with ISA) or JSON")


def _refused_type(content_type: str | None) -> tuple[RejectionCode, str] | None:
    ours = parse_content_type(content_type) if content_type else None
    if ours is None:
        return None
    kind, version = ours
    if kind not in KINDS:
        return "unknown-content-type", f"the content type names none of {', '.join(KINDS)}; correct the header"
    if not 1 <= version <= VERSION:
        return "unknown-version", f"the content type has a version other than {VERSION}; send version {VERSION}"
    if kind != "claim":
        return "not-a-claim", "the content type is not that of a claim; send it where such records are taken"
    return None


def _whole(record: bytes, code: RejectionCode, message: str) -> Rejected:
    return Rejected(Rejection(code=code, message=message, at=""), (record,), Span(0, len(record)), "", record)


def _kind_of(bare: bytes) -> str:
    """What kind of file somebody sent, in words, for the sentence that refuses it."""
    if bare.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "this is UTF-16 text"
    first = bare.partition(b"\n")[0]
    if b"\0" in bare[:4096]:
        return "this is a binary file"
    if first.startswith(b"<"):
        return "this is XML or HTML"
    if first.count(b",") >= 3 or first.count(b"\t") >= 3:
        return "this is a table of delimited values"
    return "this is text of another kind"
