"""What the topic of an outcome is told when a later decision about a claim has another outcome (contract section 5)."""

from schemas.base import Record


class Withdrawal(Record):
    """`decision_id` of the event holds no longer; `superseded_by` does, on the topic of its own outcome."""

    decision_id: str
    event_id: str
    superseded_by: str
