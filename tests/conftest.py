import os
from pathlib import Path

import pytest
from hypothesis import settings

# A deadline would judge the machine.
settings.register_profile("claimstream", deadline=None)
settings.load_profile("claimstream")


@pytest.fixture(scope="session")
def shared() -> Path:
    given = os.environ.get("CLAIMSTREAM_SHARED")
    folder = Path(given) if given else Path(__file__).parents[2] / "shared"
    if folder.is_dir():
        return folder
    if given:
        pytest.fail(f"CLAIMSTREAM_SHARED names {given}, which is no folder")
    pytest.skip("the shared samples are not there: set CLAIMSTREAM_SHARED to their folder")
