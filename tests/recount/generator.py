"""A feed for the recount: what arrives about made-up members in twenty-six months, the same for the same seed.

Much falls together on purpose: a member has few people, sessions, claim numbers and authorizations, and what belongs
together comes in any order.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, NamedTuple

from tests.recount.making import SOURCES, Made, Member, Tree, claim_of, fact_of
from tests.validators.building import line

LAST_NAMED = "today"
EPOCHS = ((-790, 0.10), (-738, 0.10), (-600, 0.05), (-420, 0.05), (-240, 0.06), (-130, 0.08), (-68, 0.10), (-38, 0.11))
"""When it arrives, in days before today, and which share of it; the rest arrives today.

The bounds of what later records see, 24 months, 60 and 30 days, fall into epochs, and between two of them lie more days
than any crash goes back.
"""
EPOCH_DAYS = 16
LATE_DAYS = 4
HEAVY_SHARE, HEAVY_MEMBERS = 0.1, 0.01
HELD_BACK = 0.08
"""How much arrives an epoch later than it was made: an original long after its replacement."""

PAYERS: dict[str, Tree] = {
    "EXCIGNA": {"filing_indicator": "CI", "line_of_business": "commercial"},
    "EXMEDICARE": {"filing_indicator": "MB", "line_of_business": "medicare_ffs"},
    "EXHUMANA": {"filing_indicator": "16", "line_of_business": "medicare_advantage"},
    "EXMAPLAN": {"filing_indicator": "16", "line_of_business": "medicare_advantage"},
}
PAYER_WEIGHTS = (40, 30, 20, 10)
FIRST_NAMES = ("ALMA", "BERNARD", "CLARA", "DENNIS")
INJECTIONS = (
    ("62323",),
    ("64483",),
    ("64483", "64484"),
    ("62321",),
    ("64479", "64480"),
    ("62323", "77003"),
    ("62322",),
)
VISITS = (("99213",), ("97110", "97140"), ("72148",))
ROLES: tuple[Tree, ...] = (
    {"place_of_service": "11"},
    {"place_of_service": "24"},
    {"place_of_service": "24", "billing_provider": {"npi": "1487000006", "taxonomy": "261QA1903X"}},
    {
        "claim_type": "institutional",
        "type_of_bill": "131",
        "place_of_service": None,
        "billing_provider": {"npi": "1902000003", "taxonomy": "282N00000X"},
    },
)
ROLE_WEIGHTS = (45, 25, 18, 12)


def feed(seed: int, events: int, patients: int, today: date) -> Iterator[list[Made]]:
    """The events by epoch, each epoch in the order of its arrival; the last one arrives today."""
    rng = random.Random(seed)
    lives = [_Life(rng, number, today) for number in range(patients)]
    shares = [*(round(events * share) for _, share in EPOCHS)]
    begins = [*(today + timedelta(days) for days, _ in EPOCHS), today]
    held: list[Made] = []
    number = 0
    for begin, count in zip(begins, (*shares, events - sum(shares)), strict=True):
        last = begin == today
        made, later = held, []
        for _ in range(count):
            event = _of_whom(rng, lives, number).event(begin + timedelta(EPOCH_DAYS - 1))
            number += 1
            (later if not last and rng.random() < HELD_BACK else made).append(event)
        rng.shuffle(made)
        held = later
        yield [
            replace(each, arrived_on=today if last else _arrival(rng, begin, at, len(made)))
            for at, each in enumerate(made)
        ]


def _of_whom(rng: random.Random, lives: "list[_Life]", number: int) -> "_Life":
    if number < len(lives):
        return lives[number]  # of everybody something
    if rng.random() < HEAVY_SHARE:
        return lives[rng.randrange(max(1, int(len(lives) * HEAVY_MEMBERS)))]
    return rng.choice(lives)


def _arrival(rng: random.Random, begin: date, at: int, count: int) -> date:
    return begin + timedelta(at * EPOCH_DAYS // count - rng.randrange(LATE_DAYS + 1))


class _Sent(NamedTuple):
    """A claim as it was sent before."""

    tree: Tree
    person: int
    source: str


@dataclass
class _Life:
    """A member, and what was made of it so far."""

    rng: random.Random
    number: int
    today: date
    serial: int = 0
    made: list[Made] = field(default_factory=list)
    claims: list[_Sent] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = self.rng
        payer_id = rng.choices(tuple(PAYERS), PAYER_WEIGHTS)[0]
        people = tuple(
            (name, f"19{50 + at}-0{1 + at}-11") for at, name in enumerate(FIRST_NAMES[: rng.randrange(1, 4)])
        )
        self.member = Member({"id": payer_id, **PAYERS[payer_id]}, f"M{self.number:06d}", people)
        self.state = rng.choice(("TX", "FL"))

    def event(self, on: date) -> Made:
        """What arrives next, by a day."""
        make = self.rng.choices(tuple(_KINDS), tuple(_KINDS.values()))[0]
        made = make(self, on)
        self.made.append(made)
        return made

    # Claims

    def injection(self, on: date, **more: Any) -> Made:
        """A session in one of the roles, of the same few days again and again."""
        rng = self.rng
        codes = rng.choice(INJECTIONS)
        served_on = on - timedelta(days=rng.choice((1, 8, 8, 15, 22, 22, 60)))
        modifiers = (rng.choice(("RT", "LT", "50")),) if codes[0].startswith("644") else ()
        return self._new_claim(self._lines(codes, served_on, *modifiers), **more)

    def sibling(self, on: date) -> Made:
        """The same session, billed in another role, or again under another number."""
        if not self.claims:
            return self.injection(on)
        earlier = self.rng.choice(self.claims)
        return self._new_claim(earlier.tree["service_lines"], person=earlier.person)

    def visit(self, on: date) -> Made:
        """Something out of scope."""
        codes = self.rng.choice(VISITS)
        return self._new_claim(self._lines(codes, on - timedelta(days=self.rng.randrange(1, 9))))

    def test(self, on: date) -> Made:
        """A test claim."""
        return self.injection(on, test=True)

    def replacement(self, on: date) -> Made:
        """A 7 of one of the earlier claims."""
        return self._change(on, "7")

    def void(self, on: date) -> Made:
        """An 8 of one of the earlier claims."""
        return self._change(on, "8")

    def resubmission(self, on: date) -> Made:
        """A claim under its own number once more, with other lines or the number it lacked."""
        if not self.claims:
            return self.injection(on)
        earlier = self.rng.choice(self.claims)
        changes: Tree = {"frequency_code": "1", "original_reference": None}
        if self.rng.random() < 0.5:
            changes |= {"authorizations": [{"number": self._some_number(), "kind": "prior_authorization"}]}
        return self._send(earlier.tree | changes, earlier.person, earlier.source)

    def _change(self, on: date, frequency: str) -> Made:
        if not self.claims:
            return self.injection(on)
        rng, earlier = self.rng, self.rng.choice(self.claims)
        own, theirs = self._claim_id(), earlier.tree["claim_id"]
        # By the reference; by its own number; by biller and days; by a reference to nothing we have.
        claim_id, reference = rng.choices(
            ((own, theirs), (theirs, None), (own, None), (own, "UNKNOWN")), (60, 15, 15, 10)
        )[0]
        changes: Tree = {"frequency_code": frequency, "claim_id": claim_id, "original_reference": reference}
        lines = earlier.tree["service_lines"]
        if frequency == "7" and rng.random() < 0.4:
            day = date.fromisoformat(lines[0]["service_date_from"])
            lines = self._lines(rng.choice((*INJECTIONS, *VISITS)), day)
        return self._send(earlier.tree | changes | {"service_lines": lines}, earlier.person, earlier.source)

    def _new_claim(self, lines: list[Tree], *, person: int | None = None, **more: Any) -> Made:
        rng = self.rng
        fields: Tree = {
            "claim_id": self._claim_id(),
            **rng.choices(ROLES, ROLE_WEIGHTS)[0],
            "service_facility": {"address": {"state": self.state}},
            "service_lines": lines,
            **more,
        }
        if rng.random() < 0.5:
            kind = "referral" if rng.random() < 0.1 else "prior_authorization"
            fields["authorizations"] = [{"number": self._some_number(), "kind": kind}]
        whose = rng.randrange(len(self.member.people)) if person is None else person
        return self._send(claim_of(self.member, whose, fields), whose, rng.choice(SOURCES))

    def _send(self, tree: Tree, person: int, source: str) -> Made:
        if not tree.get("test"):
            self.claims.append(_Sent(tree, person, source))
        return self._made(tree, source)

    def _lines(self, codes: tuple[str, ...], on: date, *modifiers: str) -> list[Tree]:
        rng = self.rng
        number = self._some_number() if rng.random() < 0.1 else None
        of_all: Tree = {
            "service_date_from": str(on),
            "units": rng.choice(("1", "1", "2")),
            "authorization_number": number,
        }
        return [
            {"line_number": at, "charge": "400.00", "diagnosis_pointers": [1]} | line(code, *modifiers, **of_all)
            for at, code in enumerate(codes, start=1)
        ]

    def _claim_id(self) -> str:
        return f"C{self.number}-{self.serial}"

    def _some_number(self) -> str:
        """An authorization of the member, at times one that nobody has heard of yet."""
        if not self.numbers or (len(self.numbers) < 4 and self.rng.random() < 0.2):
            self.numbers.append(f"PA{self.number}-{len(self.numbers)}")
        return self.rng.choice(self.numbers)

    # Facts

    def authorization(self, on: date) -> Made:
        """A version of an authorization: of even ones with a version number, at times out of order."""
        rng, number = self.rng, self._some_number()
        begins_on = on - timedelta(days=rng.choice((5, 30, 90)))
        fields: Tree = {
            "authorization_number": number,
            "kind": "referral" if rng.random() < 0.1 else "prior_authorization",
            "status": rng.choices(("approved", "pended", "denied", "voided", "partial"), (45, 20, 12, 12, 11))[0],
            "valid_from": str(begins_on),
            "valid_to": str(begins_on + timedelta(days=rng.choice((10, 120)))),
            "services": [
                {"procedure_code": code, "units": "2"}
                for code in rng.choice((("64483", "64484"), ("62323",), ("62321",), ()))
            ],
            "visits": rng.choice((None, 1, 2)),
            "version": rng.randrange(1, 6) if number.endswith(("0", "2")) else None,
        }
        return self._made(fact_of(self.member, self._somebody(), fields), rng.choice(SOURCES))

    def encounter(self, on: date) -> Made:
        """What the record of one of the sessions says, or of a day on which nothing was billed yet."""
        rng = self.rng
        earlier = rng.choice(self.claims) if self.claims else None
        of = earlier.tree["service_lines"][0] if earlier else None
        fields: Tree = {
            "service_date": of["service_date_from"] if of else str(on - timedelta(days=8)),
            "procedure_code": of["procedure_code"] if of and rng.random() < 0.4 else None,
            "guidance": rng.choice(("fluoroscopy", "fluoroscopy", "ct", "ultrasound", "none", None)),
            "contrast_used": rng.choice((True, False, None)),
            "levels": rng.choice((["L4-L5"], ["L3-L4", "L4-L5", "L5-S1"], None)),
        }
        person = earlier.person if earlier and rng.random() < 0.8 else self._somebody()
        return self._made(fact_of(self.member, person, fields), rng.choice(SOURCES))

    def repeat(self, on: date) -> Made:
        """One of the earlier records again, byte for byte."""
        return self.rng.choice(self.made[-6:]) if self.made else self.injection(on)

    def _somebody(self) -> int | None:
        return None if self.rng.random() < 0.3 else self.rng.randrange(len(self.member.people))

    def _made(self, tree: Tree, source: str) -> Made:
        self.serial += 1
        # No model reads the serial: it makes another event of the same content.
        return Made.of(tree | {"serial": self.serial}, source, self.today)


_KINDS: dict[Callable[[_Life, date], Made], int] = {
    _Life.injection: 28,
    _Life.sibling: 7,
    _Life.visit: 11,
    _Life.replacement: 8,
    _Life.void: 4,
    _Life.resubmission: 5,
    _Life.authorization: 16,
    _Life.encounter: 13,
    _Life.repeat: 5,
    _Life.test: 3,
}
