from pathlib import Path

import pytest

from tests.validators.building import Write


@pytest.fixture
def overlay(tmp_path: Path) -> Write:
    """Writes a file of an overlay and returns its folder."""

    def write(text: str, name: str = "site.yaml") -> Path:
        path = tmp_path / "overlay" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return tmp_path / "overlay"

    return write
