"""The claims of a year as they come in: one visit after another, with what follows from some of them later.

A defect is at times corrected (frequency 7) or its claim sent again under its own number with what it lacked, a
patient comes back for a second injection after three months, and a claim is sent twice under two numbers.
"""

import heapq
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from streams.demo import injections
from streams.demo import practices as of
from streams.demo.draft import Clinician, Draft, Member, Payer, Practice
from streams.demo.injections import DEFECTS, OFFICE, Case, Defect, some_clean_case
from streams.demo.other_services import some_other_case
from streams.demo.people import expecting_member, some_mbi, some_member

FIRST_DAY = date(2026, 1, 19)  # after the first day of the WISeR model
DAYS = 235  # to 10 September: code sets change on 1 October
INJECTIONS_SHARE = 0.34
DEFECTS_SHARE = 0.36
AGAIN_SHARE = 0.08
REGULARS_SHARE = 0.35
DAYS_BETWEEN_INJECTIONS = 95

_PAYERS, _PAYER_WEIGHTS = tuple(of.PAYERS), tuple(of.PAYERS.values())
_DEFECT_WEIGHTS = tuple(defect.weight for defect in DEFECTS)

_WITHOUT_CATHETER = {"62324": "62320", "62325": "62321", "62326": "62322", "62327": "62323"}
"""Of an infusion through a catheter, the injection that is given at once."""


class Visits:
    """An endless row of claims whose service dates go through the year over `expected` of them."""

    def __init__(self, rng: random.Random, expected: int) -> None:
        self._rng = rng
        self._expected = max(1, expected)
        self._pain = of.pain_practices(rng)
        self._wiser = tuple(each for each in self._pain if each.address.state in of.WISER_STATES)
        self._others = of.other_practices(rng)
        self._number = 0
        self._claims = 0
        self._later: list[tuple[int, int, Draft]] = []
        self._treated: deque[Draft] = deque(maxlen=500)
        self._regulars: dict[str, deque[Draft]] = {kind: deque(maxlen=40) for kind in self._others}

    def __iter__(self) -> Iterator[Draft]:
        while True:
            while self._later and self._later[0][0] <= self._number:
                yield self._received_today(heapq.heappop(self._later)[2])
            yield self._visit()

    def _visit(self) -> Draft:
        self._number += 1
        rng = self._rng
        if rng.random() >= INJECTIONS_SHARE:
            return self._other()
        if rng.random() < DEFECTS_SHARE:
            return self._defective(rng.choices(DEFECTS, _DEFECT_WEIGHTS)[0])
        if rng.random() < AGAIN_SHARE and self._treated and self._rested(self._treated[0]):
            return self._second_injection(self._treated.popleft())
        draft = self._injection(rng.choice(self._pain), self._some_payer(), some_clean_case(rng))
        self._treated.append(draft)
        return draft

    def _today(self) -> date:
        return FIRST_DAY + timedelta(days=min(self._number * DAYS // self._expected, DAYS - 1))

    def _some_payer(self) -> Payer:
        return self._rng.choices(_PAYERS, _PAYER_WEIGHTS)[0]

    def _rested(self, earlier: Draft) -> bool:
        return (self._today() - earlier.served_on).days >= DAYS_BETWEEN_INJECTIONS

    def _defective(self, defect: Defect) -> Draft:
        rng = self._rng
        practice = rng.choice(self._wiser if defect.wiser_only else self._pain)
        payer = rng.choices(defect.payers, [of.PAYERS[each] for each in defect.payers])[0]
        make = expecting_member if defect.expecting else some_member
        draft = self._injection(practice, payer, defect.build(rng), make(rng, payer, practice.address.state))
        if defect.again:
            self._follow(replace(draft, claim_id=self._claim_id(practice)), 5, 60)
        elif rng.random() < 0.3:
            self._follow(self._corrected(draft, defect), 20, 120)
        return draft

    def _corrected(self, draft: Draft, defect: Defect) -> Draft:
        """The claim as it should have been: sent again with the number it lacked, or a replacement that is right."""
        if defect.rule in ("AUTH-01", "AUTH-02"):
            return replace(draft, authorization=self._authorization(draft.member.payer, draft.practice))
        case = _where_paid(some_clean_case(self._rng), draft.member.payer)
        return replace(
            draft,
            frequency="7",
            original_reference=f"{self._rng.randrange(10**12, 10**13)}",
            diagnoses=case.diagnoses,
            lines=case.lines,
            place=case.place,
            authorization=self._authorization_for(draft.member.payer, draft.practice, case),
        )

    def _follow(self, later: Draft, soonest: int, latest: int) -> None:
        due = self._number + self._rng.randrange(soonest, latest)
        self._claims += 1
        heapq.heappush(self._later, (due, self._claims, later))

    def _received_today(self, draft: Draft) -> Draft:
        return replace(draft, received_on=max(draft.received_on, self._received_on()))

    def _second_injection(self, earlier: Draft) -> Draft:
        today = self._today()
        again = replace(
            earlier,
            claim_id=self._claim_id(earlier.practice),
            served_on=today,
            received_on=self._received_on(),
        )
        if again.authorization:
            again = replace(again, authorization=self._authorization(earlier.member.payer, earlier.practice))
        return again

    def _injection(self, practice: Practice, payer: Payer, case: Case, member: Member | None = None) -> Draft:
        rng, case = self._rng, _where_paid(case, payer)
        return Draft(
            claim_id=self._claim_id(practice),
            practice=practice,
            clinician=rng.choice(practice.clinicians),
            member=member or some_member(rng, payer, practice.address.state),
            served_on=self._today(),
            received_on=self._received_on(),
            place=case.place,
            diagnoses=case.diagnoses,
            lines=case.lines,
            authorization=self._authorization_for(payer, practice, case),
        )

    def _other(self) -> Draft:
        rng = self._rng
        case = some_other_case(rng)
        practice, clinician, member = self._regular_or_new(case.kind)
        draft = Draft(
            claim_id=self._claim_id(practice),
            practice=practice,
            clinician=clinician,
            member=member,
            served_on=self._today(),
            received_on=self._received_on(),
            place=case.place,
            diagnoses=case.diagnoses,
            lines=case.lines,
        )
        self._regulars[case.kind].append(draft)
        return draft

    def _regular_or_new(self, kind: str) -> tuple[Practice, Clinician, Member]:
        """Who is treated by whom: at times somebody who was there before."""
        rng = self._rng
        regulars = self._regulars[kind]
        if regulars and rng.random() < REGULARS_SHARE:
            earlier = rng.choice(regulars)
            return earlier.practice, earlier.clinician, earlier.member
        practice = rng.choice(self._others[kind])
        member = some_member(rng, self._some_payer(), practice.address.state)
        return practice, rng.choice(practice.clinicians), member

    def _claim_id(self, practice: Practice) -> str:
        self._claims += 1
        return f"{practice.code}-{self._claims:06d}"

    def _received_on(self) -> date:
        return self._today() + timedelta(days=self._rng.randrange(2, 11))

    def _authorization_for(self, payer: Payer, practice: Practice, case: Case) -> str | None:
        wanted = payer.authorizes or (
            # In a facility the tracking number stands on the facility's own claim.
            payer is of.MEDICARE and practice.address.state in of.WISER_STATES and case.place == OFFICE
        )
        return self._authorization(payer, practice) if wanted and case.authorized else None

    def _authorization(self, payer: Payer, practice: Practice) -> str:
        """A prior-authorization number; of Medicare a unique tracking number: two characters, A, eleven digits."""
        if payer is of.MEDICARE:
            return f"{some_mbi(self._rng)[1]}{practice.address.state[0]}A{self._rng.randrange(10**10, 10**11)}"
        return f"PA{self._rng.randrange(10**7, 10**8)}"


def _where_paid(case: Case, payer: Payer) -> Case:
    """The case as the payer pays it without a question: this one reviews why a hospital, or an infusion, was needed."""
    if payer is not of.UNITED or case.place != injections.HOSPITAL:
        return case
    lines = tuple(line._replace(code=_WITHOUT_CATHETER.get(line.code, line.code)) for line in case.lines)
    return case._replace(place=injections.SURGERY_CENTER, lines=lines)
