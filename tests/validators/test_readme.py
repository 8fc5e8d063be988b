import re
from pathlib import Path

import pytest

from streams.vectors.cases import ASKED, Case
from validators.loading import HERE, load_ruleset
from validators.pack import PackFile, PackRule

TEXT = (HERE / "README.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_of_a_pack_is_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "site.yaml").write_text(text)

    assert load_ruleset(tmp_path).version != load_ruleset().version


def test_every_key_of_packs_and_vectors_has_a_line() -> None:
    rule = [field.alias or name for name, field in PackRule.model_fields.items()]
    told = re.findall(r"`([^`]+)`", TEXT.partition("## The vocabulary of packs")[2])
    words = {word for each in told for word in re.split(r"[.\s]", each)}

    assert set() == {*PackFile.model_fields, *rule, *Case.model_fields, *ASKED} - words
