"""A received record, whatever its bytes, to claims, rejections and warnings: the one way in for every command."""

import re
from collections.abc import Iterator
from typing import Literal, get_args

from schemas.codec import KINDS, VERSION, Kind, content_type, parse_content_type
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


def plain_content_type(text: str) -> str | None:
    """A content type in words of ours, read the same as `text`; None where reading goes by the bytes alone."""
    ours = parse_content_type(text[:_CONTENT_TYPE_CHARACTERS])
    if ours is None:
        media_type = text[:_CONTENT_TYPE_CHARACTERS].partition(";")[0].strip().lower()
        return media_type if media_type in _X12_TYPES | _FHIR_TYPES | _JSON_TYPES else None
    kind = next((each for each in get_args(Kind) if each == ours[0]), None)
    return content_type(kind, ours[1]) if kind else "application/vnd.claimstream.unknown+json"


def read_record(
    record: bytes,
    content_type: str | None = None,
    *,
    limit: int = MAX_RECORD_BYTES,
    first_ordinal: int = 1,
    bundle: bytes = b"",
) -> Iterator[Item]:
    """Everything in a record, in its order; at least one claim or rejection, never an exception.

    `limit` is the largest record in bytes that is read at all. Where the record is a part of a larger one,
    `first_ordinal` is the number its first claim has in its X12 transaction or FHIR Bundle, and `bundle` the SHA-256
    of that Bundle.
    """
    bare = record.removeprefix(_BOM).strip(_WHITE)
    refused = _refused_whole(record, bare, content_type, limit)
    if refused is not None:
        # Known by its bare bytes, as the claim is that a later reader may find in it.
        rejection = Rejection(code=refused[0], message=refused[1], at="")
        yield Rejected(rejection, (bare,), Span(0, len(record)), "", record, first_ordinal, bundle)
    elif (form := format_of(record, content_type)) == "x12":
        yield from read_x12(record, first_ordinal)
    else:
        yield from read_json_record(
            bare,
            record,
            likely_fhir=form == "fhir",
            kind=_said_kind(content_type),
            first_ordinal=first_ordinal,
            bundle=bundle,
        )


def _refused_whole(
    record: bytes, bare: bytes, content_type: str | None, limit: int
) -> tuple[RejectionCode, str] | None:
    """Why nothing of a record is read, as code and message."""
    if len(record) > limit:
        return "too-large", f"{len(record):,} bytes, more than {limit >> 20} MiB; send smaller records"
    if not bare:
        return "empty", "the record is empty; send a claim"
    refused = _refused_type(content_type)
    if refused is None and format_of(record, content_type) == "unknown":
        return "unknown-format", f"{_kind_of(bare)}; send X12 837P (begins with ISA), FHIR or JSON"
    return refused


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
