"""Calendar months before and after a day; a day the month does not have is its last one."""

from calendar import monthrange
from datetime import MAXYEAR, MINYEAR, date
from functools import lru_cache


@lru_cache(1 << 12)
def months_after(day: date, months: int) -> date:
    """The same day `months` calendar months later, clipped to the end of that month; never after year 9999."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year < MINYEAR:
        return date.min
    if year > MAXYEAR:
        return date.max
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def months_before(day: date, months: int) -> date:
    """The same day `months` calendar months earlier, clipped to the end of that month; never before year 1."""
    return months_after(day, -months)
