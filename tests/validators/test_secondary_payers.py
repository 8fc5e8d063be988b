from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from tests.validators.building import a_claim, decided, ruleset
from validators.catalogue import RULES
from validators.loading import load_ruleset
from validators.ruleset import Ruleset

AUTHORIZATION = {rule.id for rule in RULES if rule.family == "authorization"}

behind_another = pytest.mark.parametrize("sequence", ["secondary", "tertiary"])
of_each_kind = pytest.mark.parametrize("payer_id", ["EXMEDICARE", "EXMAPLAN", "EXCIGNA"])


def heard(payer_id: str, sequence: str, rules: Ruleset) -> set[str]:
    """The authorization rules that look at a claim of a payer in Texas."""
    payer = {"id": payer_id, "filing_indicator": None, "line_of_business": None, "sequence": sequence}
    claim = a_claim(payer=payer, service_facility={"address": {"state": "TX"}})
    checks = decided(claim, rules=rules).decision.checks
    unsettled = {each.rule for each in (*checks.bypassed, *checks.not_checked)}
    return AUTHORIZATION & {*checks.fail, *checks.passed, *unsettled}


def saying(folder: Path, rule_ids: Iterable[str], said: bool, name: str = "site.yaml") -> Ruleset:
    """The ruleset with a pack that says of rules whether they are for secondary payers."""
    rules = {rule_id: {"secondary_payers": said} for rule_id in rule_ids}
    (folder / name).write_text(yaml.safe_dump({"rules": rules}))
    return load_ruleset(folder)


def test_the_rules_about_authorization_and_no_others_are_for_the_primary_payer_only() -> None:
    assert AUTHORIZATION == {rule.id for rule in RULES if rule.primary_payer_only}


@of_each_kind
@behind_another
def test_a_payer_behind_another_is_asked_nothing_about_authorization(payer_id: str, sequence: str) -> None:
    assert set() == heard(payer_id, sequence, ruleset())


@of_each_kind
@behind_another
def test_a_pack_may_have_a_payer_behind_another_asked_as_the_primary_one_is(
    tmp_path: Path, payer_id: str, sequence: str
) -> None:
    asked = heard(payer_id, "primary", ruleset())

    assert set() != asked == heard(payer_id, sequence, saying(tmp_path, AUTHORIZATION, said=True))


def test_a_pack_says_so_of_each_rule_by_itself(tmp_path: Path) -> None:
    assert {"AUTH-01"} == heard("EXCIGNA", "secondary", saying(tmp_path, ["AUTH-01"], said=True))


def test_a_later_pack_takes_it_back(tmp_path: Path) -> None:
    saying(tmp_path, ["AUTH-01", "AUTH-15"], said=True, name="a.yaml")

    assert {"AUTH-15"} == heard("EXCIGNA", "secondary", saying(tmp_path, ["AUTH-01"], said=False, name="b.yaml"))
