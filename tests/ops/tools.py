"""Programs of the system the tests of operations run."""

import os
import shutil

import pytest


def program(name: str) -> str:
    """The path of a program; where it is absent the test is skipped, but not in CI."""
    path = shutil.which(name)
    if path is None:
        why = f"{name} is not on the PATH; ops/install-debian.sh installs it"
        if os.environ.get("CI") or os.environ.get("CLAIMSTREAM_SHARED"):
            pytest.fail(why)
        pytest.skip(why)
    return path
