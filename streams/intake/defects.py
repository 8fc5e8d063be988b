"""A claim our own code fails on is rejected alone: the other claims of its file need not wait until that is mended."""

from schemas.rejection import Rejection
from streams.logs import place_of


def defect(error: Exception, at: str) -> Rejection:
    """The rejection of the claim at `at`; it names the place in our code, never a value."""
    what = f"our own code failed with {place_of(error)}, a defect; once it is mended, redrive the dead letter"
    return Rejection(code="unprocessable", message=what, at=at)
