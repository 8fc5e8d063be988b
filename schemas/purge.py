"""A request to forget a patient; it stands in the log of that patient and makes what stands before it unseen."""

from schemas.base import Record, Required


class Purge(Record):
    """`requested_at` is an instant (RFC 3339, UTC) and tells one request from another."""

    requested_at: Required
