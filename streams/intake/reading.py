"""A received record, whatever its bytes, to claims, rejections and warnings: the one way in for every command."""

import re
from collections.abc import Iterator
from typing import Literal

from schemas.codec import KINDS, VERSION, Kind, parse_content_type
from schemas.rejection import Rejection, RejectionCode
from streams.intake.items import Item, Rejected, Span
from streams.intake.json_claim import read_json_record
from streams.intake.x12 import read_x12

Format = Literal["json", "fhir", "x12", "unknown"]
MAX_RECORD_BYTES = 8 << 20
JSON_TYPE = "application/json"

_BOM = b"\xef\xbb\xbf"
_WHITE = b" \t\r\n"
READ_KINDS: tuple[Kind, ...] = ("claim", "authorization", "encounter")
_CONTENT_TYPE_CHARACTERS = 200
"""More than any content type has. What is cut off here would only cost time, or more digits than Python reads."""

_X12_TYPES = frozenset({"application/edi-x12", "application/x12", "text/x12", "application/edi"})
_FHIR_TYPES = frozenset({"application/fhir+json", "application/json+fhir"})
_JSON_TYPES = frozenset({JSON_TYPE, "text/json"})
_FHIR_START = re.compile(rb'[^\[]{0,400}?"resourceType"\s*:\s*"')
"""FHIR servers write the type of a resource first, or after its id."""

_X12_START = re.compile(rb"ISA(?![A-Za-z0-9])|(?:GS|ST|IEA)[^A-Za-z0-9\s]")
_KINDS_BY_START = (
    ((b"\xff\xfe", b"\xfe\xff"), "this is UTF-16 text, to be saved as UTF-8"),
    (
        (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"),
        "this is a compressed file, to be unpacked",
    ),
    ((b"%PDF",), "this is a PDF document"),
    ((b"<",), "this is XML or HTML"),
    ((b"MSH|",), "this is an HL7 version 2 message"),
)


def sniff(record: bytes) -> Format:
    """The format of a record by its first bytes; what is JSON may be FHIR, which `format_of` tells."""
    head = record[:4096].removeprefix(_BOM).lstrip(_WHITE)
    if head.startswith((b"{", b"[")):
        return "json"
    return "x12" if _X12_START.match(head) else "unknown"


def format_of(record: bytes, content_type: str | None = None) -> Format:
    """The format of a record by its content type, else by its first bytes."""
    named = (content_type or "")[:_CONTENT_TYPE_CHARACTERS]
    media_type = named.partition(";")[0].strip().lower()
    if media_type in _X12_TYPES:
        return "x12"
    if media_type in _FHIR_TYPES:
        return "fhir"
    known = media_type in _JSON_TYPES or parse_content_type(named)
    form = "json" if known else sniff(record)
    return "fhir" if form == "json" and _FHIR_START.match(record) else form


def plain_type(content_type: str) -> str | None:
    """A content type that is read as this one is, with nothing in it that its sender made up; None: as without one."""
    named = content_type[:_CONTENT_TYPE_CHARACTERS]
    ours = parse_content_type(named)
    if ours is not None:
        kind, version = ours
        return f"application/vnd.claimstream.{kind if kind in KINDS else 'unknown'}+json;v={version}"
    media_type = named.partition(";")[0].strip().lower()
    return media_type if media_type in _X12_TYPES | _FHIR_TYPES | _JSON_TYPES else None


def read_record(
    record: bytes, content_type: str | None = None, *, limit: int = MAX_RECORD_BYTES, first_ordinal: int = 1
) -> Iterator[Item]:
    """Everything in a record, in its order; at least one claim or rejection, never an exception.

    `limit` is the largest record in bytes that is read at all; `first_ordinal` the number of the first claim in its X12
    transaction, where the record is a part of one.
    """
    if len(record) > limit:
        yield _whole(record, "too-large", f"{len(record):,} bytes, more than {limit >> 20} MiB; send smaller records")
        return
    bare = record.removeprefix(_BOM).strip(_WHITE)
    if not bare:
        yield _whole(record, "empty", "the record is empty; send a claim")
        return
    refused = _refused_type(content_type)
    if refused is not None:
        yield _whole(record, *refused)
        return
    form = format_of(record, content_type)
    match form:
        case "x12":
            yield from read_x12(record, first_ordinal)
        case "json" | "fhir":
            yield from read_json_record(bare, record, likely_fhir=form == "fhir", kind=_said_kind(content_type))
        case _:
            yield _whole(record, "unknown-format", f"{_kind_of(bare)}; send X12 837P (begins with ISA), FHIR or JSON")


def _refused_type(content_type: str | None) -> tuple[RejectionCode, str] | None:
    ours = parse_content_type((content_type or "")[:_CONTENT_TYPE_CHARACTERS])
    if ours is None:
        return None
    kind, version = ours
    if kind not in KINDS:
        return "unknown-content-type", f"the content type names none of {', '.join(KINDS)}; correct the header"
    if not 1 <= version <= VERSION:
        return "unknown-version", f"the content type has a version other than {VERSION}; send version {VERSION}"
    if kind not in READ_KINDS:
        return "not-a-claim", "the content type is that of something claimstream writes; send claims"
    return None


def _said_kind(content_type: str | None) -> Kind | None:
    """The kind one of our content types names."""
    ours = parse_content_type((content_type or "")[:_CONTENT_TYPE_CHARACTERS])
    return next((kind for kind in READ_KINDS if ours is not None and kind == ours[0]), None)


def _whole(record: bytes, code: RejectionCode, message: str) -> Rejected:
    return Rejected(Rejection(code=code, message=message, at=""), (record,), Span(0, len(record)), "", record)


def _kind_of(bare: bytes) -> str:
    """What kind of file somebody sent, in words, for the sentence that refuses it."""
    for starts, kind in _KINDS_BY_START:
        if bare.startswith(starts):
            return kind
    if b"\0" in bare[:4096]:
        return "this is a binary file"
    first = bare.partition(b"\n")[0]
    if first.count(b",") >= 3 or first.count(b"\t") >= 3:
        return "this is a table of delimited values"
    return "this is text of another kind"
