"""Invented people and places: names, addresses, member ids and NPIs that pass for real and belong to nobody known."""

import random
import string
from datetime import date, timedelta

from streams.demo.draft import Address, Clinician, Dependent, Facility, Member, Payer, Person

LAST_NAMES = (
    "ALDER", "BANKS", "CARVER", "DELGADO", "ELLISON", "FAIRBANKS", "GARNER", "HOLLOWAY", "IBARRA", "JENNINGS",
    "KESSLER", "LOCKWOOD", "MERCADO", "NORWOOD", "OAKLEY", "PRESCOTT", "QUINTERO", "RAMSEY", "SANDERSON", "TRAVERS",
    "UNDERHILL", "VALENCIA", "WHITFIELD", "YARBROUGH", "ZIMMER",
)  # fmt: skip
FIRST_NAMES = {
    "F": ("ALMA", "BRENDA", "CLARA", "DOROTHY", "ELENA", "FRANCES", "GLORIA", "HELEN", "IRENE", "JOYCE", "LUCIA"),
    "M": ("ARTHUR", "BERNARD", "CARLOS", "DENNIS", "EDWIN", "FRANK", "GEORGE", "HAROLD", "IVAN", "JEROME", "LEWIS"),
}
STREETS = ("MAIN ST", "OAK AVE", "CEDAR LN", "LAKE DR", "HILL RD", "2ND ST", "PARK BLVD", "RIVER RD")
PLACES = {
    "AZ": ("MESA", "85201"),
    "CA": ("FRESNO", "93701"),
    "FL": ("TAMPA", "33602"),
    "GA": ("MACON", "31201"),
    "IL": ("PEORIA", "61602"),
    "MA": ("LOWELL", "01850"),
    "NC": ("DURHAM", "27701"),
    "NJ": ("TRENTON", "08608"),
    "NY": ("ALBANY", "12207"),
    "OH": ("TOLEDO", "43604"),
    "OK": ("TULSA", "74103"),
    "PA": ("ERIE", "16501"),
    "TX": ("WACO", "76701"),
    "WA": ("TACOMA", "98402"),
}
"""A town and its ZIP code for each state of the feed."""

_NPI_ISSUER = "80840"
_MBI_LETTERS = "ACDEFGHJKMNPQRTUVWXY"  # without S, L, O, I, B and Z, which look like digits
_MBI_SHAPE = (
    "123456789", _MBI_LETTERS, _MBI_LETTERS + string.digits, string.digits, _MBI_LETTERS,
    _MBI_LETTERS + string.digits, string.digits, _MBI_LETTERS, _MBI_LETTERS, string.digits, string.digits,
)  # fmt: skip


def npi_of(serial: int) -> str:
    """The NPI whose first nine digits are `serial`: the tenth makes the Luhn sum over 80840 and all ten right."""
    digits = f"{serial:09d}"
    doubled = sum(int(digit) for each in (_NPI_ISSUER + digits)[::-2] for digit in str(2 * int(each)))
    plain = sum(int(each) for each in (_NPI_ISSUER + digits)[-2::-2])
    return f"{digits}{-(doubled + plain) % 10}"


def some_npi(rng: random.Random) -> str:
    """An NPI with a right check digit."""
    return npi_of(rng.randrange(100_000_000, 200_000_000))


def some_mbi(rng: random.Random) -> str:
    """Eleven characters in the pattern of a Medicare beneficiary identifier."""
    return "".join(rng.choice(letters) for letters in _MBI_SHAPE)


def some_address(rng: random.Random, state: str) -> Address:
    """A street address in the town of a state."""
    city, postal_code = PLACES[state]
    return Address(f"{rng.randrange(10, 9900)} {rng.choice(STREETS)}", city, state, postal_code)


def some_clinician(rng: random.Random, taxonomy: str) -> Clinician:
    """A clinician of a specialty."""
    first_name = rng.choice(FIRST_NAMES[rng.choice("FM")])
    return Clinician(some_npi(rng), rng.choice(LAST_NAMES), first_name, taxonomy)


def some_facility(rng: random.Random, state: str, kind: str) -> Facility:
    """A surgery center or hospital, as `kind` says."""
    address = some_address(rng, state)
    return Facility(some_npi(rng), f"{address.city} {kind}", address)


def some_person(rng: random.Random, ages: tuple[int, int], sex: str | None = None) -> Person:
    """A person whose age in 2026 lies between two bounds."""
    sex = sex or rng.choice("FM")
    born_on = date(2025, 12, 31) - timedelta(days=rng.randrange(ages[0] * 366, ages[1] * 365))
    return Person(rng.choice(LAST_NAMES), rng.choice(FIRST_NAMES[sex]), born_on, sex)


def some_member(rng: random.Random, payer: Payer, state: str) -> Member:
    """A policy of a payer in a state; on commercial ones the patient is at times the spouse or a grown child."""
    if payer.line_of_business in ("medicare_ffs", "medicare_advantage"):
        member_id = some_mbi(rng) if payer.line_of_business == "medicare_ffs" else f"H{rng.randrange(10**8, 10**9)}"
        return Member(member_id, some_person(rng, (66, 89)), some_address(rng, state), payer, None, None)
    subscriber = some_person(rng, (46, 63))
    member_id, group_number = f"W{rng.randrange(10**8, 10**9)}", f"GRP{rng.randrange(1000, 9999)}"
    address = some_address(rng, state)
    return Member(member_id, subscriber, address, payer, group_number, _some_dependent(rng, subscriber))


def expecting_member(rng: random.Random, payer: Payer, state: str) -> Member:
    """A policy whose subscriber is a woman of an age to be pregnant."""
    subscriber = some_person(rng, (24, 40), "F")
    address = some_address(rng, state)
    return Member(f"W{rng.randrange(10**8, 10**9)}", subscriber, address, payer, "GRP2000", None)


def _some_dependent(rng: random.Random, subscriber: Person) -> Dependent | None:
    chance = rng.random()
    if chance < 0.12:
        spouse = some_person(rng, (44, 64), "M" if subscriber.sex == "F" else "F")
        return Dependent(spouse._replace(last_name=subscriber.last_name), "spouse", "01")
    if chance < 0.18:
        child = some_person(rng, (19, 25))
        return Dependent(child._replace(last_name=subscriber.last_name), "child", "19")
    return None
