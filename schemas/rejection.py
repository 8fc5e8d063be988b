"""Why something could not be read as a claim: a code from a closed list, a sentence with the fix, and a place."""

from typing import Literal, get_args

from schemas.base import Record

RejectionCode = Literal[
    "empty",  # nothing but white space
    "too-large",  # over the size limit of a record
    "not-utf8",  # JSON that is not UTF-8
    "malformed-json",
    "duplicate-key",  # one JSON object names a key twice
    "not-a-number",  # NaN or Infinity
    "too-deep",  # nested over 64 levels
    "missing-field",  # a required field, segment or element is absent
    "wrong-type",
    "unknown-value",  # outside a closed enumeration
    "unknown-content-type",
    "unknown-version",  # a content type of a version newer than this reader
    "unknown-format",  # neither X12 nor JSON
    "unsupported-format",  # a known format that is not read
    "unsupported-transaction",  # X12 of another kind or version than 837P 005010
    "not-a-claim",  # an authorization, encounter or another resource
    "no-claims",  # a readable file without a claim in it
    "bad-envelope",  # X12 whose delimiters or segments cannot be told
    "truncated",  # X12 that ends inside a claim
    "misplaced-segment",  # X12 claim without the loops it must stand in
    "too-many-claims",  # more claims than one record may hold
    "unprocessable",  # our own code failed on this record: a defect, see the dead letter
]

REJECTION_CODES: tuple[str, ...] = get_args(RejectionCode)


class Rejection(Record):
    """What, where and how to fix it. No value of the claim stands in it, only codes and places.

    `at` is a JSON pointer, or loop/segment/element with the segment number for X12.
    """

    code: RejectionCode
    message: str
    at: str
