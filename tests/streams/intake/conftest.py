from collections.abc import Iterator

import pytest

from streams.intake.fhir import record as fhir_record
from streams.intake.x12 import transaction as x12_transaction


@pytest.fixture(autouse=True, scope="module")
def defects_raise() -> Iterator[pytest.MonkeyPatch]:
    """A reader that fails has to fail the test that met it, not to reject the claim."""

    def again(error: Exception, at: str) -> None:
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(x12_transaction, "defect", again)
        patch.setattr(fhir_record, "defect", again)
        yield patch
