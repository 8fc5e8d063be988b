"""Claims as 837P interchanges (005010X222A1): envelope, header, and the loops of billing provider to service line."""

from collections.abc import Iterator, Sequence
from datetime import date

from streams.demo.draft import Address, Draft, Line, Practice

GUIDE = "005010X222A1"
RECEIVER = "CLAIMSTREAM"
Segments = list[str]


def interchange(drafts: Sequence[Draft], *, control: int, newlines: bool) -> bytes:
    """One interchange with one transaction that holds all `drafts`, grouped by practice; control numbers count right.

    `newlines` puts a line break after each segment, as many senders do.
    """
    sender = drafts[0].practice.source.upper().replace("-", "")
    on = max(draft.received_on for draft in drafts)
    day, number = on.strftime("%Y%m%d"), f"{control % 10_000:04d}"
    body = [
        f"ST*837*{number}*{GUIDE}",
        f"BHT*0019*00*{control:09d}*{day}*0805*CH",
        f"NM1*41*2*{sender}*****46*{sender[:8]}",
        "PER*IC*CLAIMS DESK*TE*8005550100",
        f"NM1*40*2*{RECEIVER}*****46*{RECEIVER}",
        *_claims(drafts),
    ]
    segments = [
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{sender:15}*ZZ*{RECEIVER:15}*{day[2:]}*0805*^*00501*{control:09d}*0*P*:",
        f"GS*HC*{sender}*{RECEIVER}*{day}*0805*{control}*X*{GUIDE}",
        *body,
        f"SE*{len(body) + 1}*{number}",
        f"GE*1*{control}",
        f"IEA*1*{control:09d}",
    ]
    end = "~\n" if newlines else "~"
    return (end.join(segments) + end).encode()


def _claims(drafts: Sequence[Draft]) -> Iterator[str]:
    """The levels of all practices, each with its subscribers and their claims."""
    by_practice: dict[str, list[Draft]] = {}
    for draft in drafts:
        by_practice.setdefault(draft.practice.code, []).append(draft)
    level = 0
    for own in by_practice.values():
        level += 1
        billing = level
        yield from _billing(own[0].practice, level)
        for draft in own:
            level += 1
            yield from _subscriber(draft, level, billing)
            if draft.member.dependent is not None:
                level += 1
                yield from _patient(draft, level)
            yield from _claim(draft)


def _billing(practice: Practice, level: int) -> Segments:
    return [
        f"HL*{level}**20*1",
        f"PRV*BI*PXC*{practice.taxonomy}",
        f"NM1*85*2*{practice.name}*****XX*{practice.npi}",
        *_address(practice.address, billing=True),
        f"REF*EI*{practice.tax_id}",
    ]


def _subscriber(draft: Draft, level: int, billing: int) -> Segments:
    member = draft.member
    person, payer = member.subscriber, member.payer
    own = member.dependent is None
    return [
        f"HL*{level}*{billing}*22*{0 if own else 1}",
        f"SBR*P*{'18' if own else ''}*{member.group_number or ''}******{payer.filing_indicator}",
        f"NM1*IL*1*{person.last_name}*{person.first_name}****MI*{member.member_id}",
        *([*_address(member.address), _birth(person.born_on, person.sex)] if own else ()),
        f"NM1*PR*2*{payer.name}*****PI*{payer.id}",
    ]


def _patient(draft: Draft, level: int) -> Segments:
    dependent = draft.member.dependent
    assert dependent is not None
    person = dependent.person
    return [
        f"HL*{level}*{level - 1}*23*0",
        f"PAT*{dependent.code}",
        f"NM1*QC*1*{person.last_name}*{person.first_name}",
        *_address(draft.member.address),
        _birth(person.born_on, person.sex),
    ]


def _claim(draft: Draft) -> Segments:
    first, *others = draft.diagnoses
    clinician, facility = draft.clinician, draft.facility
    segments = [f"CLM*{draft.claim_id}*{_amount(draft.cents)}***{draft.place}:B:{draft.frequency}*Y*A*Y*Y"]
    if draft.authorization:
        segments.append(f"REF*G1*{draft.authorization}")
    if draft.original_reference:
        segments.append(f"REF*F8*{draft.original_reference}")
    segments += [
        "*".join(("HI", f"ABK:{first}", *(f"ABF:{code}" for code in others))),
        f"NM1*82*1*{clinician.last_name}*{clinician.first_name}****XX*{clinician.npi}",
        f"PRV*PE*PXC*{clinician.taxonomy}",
    ]
    if facility is not None:
        segments += [f"NM1*77*2*{facility.name}*****XX*{facility.npi}", *_address(facility.address, billing=True)]
    for number, line in enumerate(draft.lines, 1):
        segments += _line(draft, line, number)
    return segments


def _line(draft: Draft, line: Line, number: int) -> Segments:
    procedure = ":".join(("HC", line.code, *line.modifiers))
    pointers = ":".join(map(str, line.diagnoses))
    segments = [
        f"LX*{number}",
        f"SV1*{procedure}*{_amount(line.cents)}*UN*{line.units}***{pointers}",
        f"DTP*472*D8*{draft.served_on:%Y%m%d}",
        f"REF*6R*{draft.claim_id}-{number}",
    ]
    if line.ndc:
        segments += [f"LIN**N4*{line.ndc}", f"CTP****{line.milliliters}*ML"]
    return segments


def _address(address: Address, *, billing: bool = False) -> Segments:
    """N3 and N4; a provider's ZIP code has nine digits."""
    postal_code = f"{address.postal_code}{'0001' if billing else ''}"
    return [f"N3*{address.street}", f"N4*{address.city}*{address.state}*{postal_code}"]


def _birth(born_on: date, sex: str) -> str:
    return f"DMG*D8*{born_on:%Y%m%d}*{sex}"


def _amount(cents: int) -> str:
    """Dollars as X12 writes a number: no decimals that say nothing."""
    return f"{cents // 100}" if cents % 100 == 0 else f"{cents / 100:.2f}".rstrip("0")
