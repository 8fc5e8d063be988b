"""The shapes of numbers and codes on a claim. What was looked at is remembered: the same ones come again and again."""

import re
from collections.abc import Callable
from functools import lru_cache

NPI = re.compile("[12][0-9]{9}")
_PREFIX = 24
"""What the prefix 80840 adds to the Luhn sum of an NPI."""


@lru_cache(1 << 14)
def is_npi(text: str) -> bool:
    """Whether it is 10 digits that start with 1 or 2 and end in the check digit of Luhn over 80840 and them."""
    if not NPI.fullmatch(text):
        return False
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in text[::2])
    return (_PREFIX + doubled + sum(int(digit) for digit in text[1::2])) % 10 == 0


def _shape(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lru_cache(1 << 14)(lambda text: compiled.fullmatch(text) is not None)


is_taxonomy = _shape("[0-9A-Z]{9}X")
"""Whether it is 9 letters or digits followed by X."""

is_postal_code = _shape("[0-9]{5}(-?[0-9]{4})?")
"""Whether it is 5 or 9 digits, these with or without a hyphen after the fifth."""

is_modifier = _shape("[0-9A-Z]{2}")
"""Whether it is two letters or digits."""

is_place = _shape("[0-9]{2}")
"""Whether it is two digits, as a place of service is."""

_LISTED = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA "
    "RI SC SD TN TX UT VT VA WA WV WI WY DC AS GU MP PR VI UM AA AE AP"
)
STATES = frozenset(_LISTED.split())
"""The 50 states, the District of Columbia, the territories and the regions of the armed forces."""
