from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from streams.cli.state_text import print_account, print_partitions, print_patient, print_purge
from streams.state.entry import Purge
from streams.state.inspecting import partition_told, patient_told
from streams.state.purging import remains
from streams.state.snapshot import Snapshot
from streams.state.verifying import Account, Difference
from streams.topic_layout import Layout, Topics
from tests.validators.building import (
    DAY,
    Desk,
    a_claim,
    an_authorization,
    an_encounter,
    arrived,
    line,
    nobody,
    ruleset,
    seal,
)

NAMES = Topics()
CLAIM = a_claim()
TOKEN = arrived(CLAIM).patient_token


@pytest.fixture
def shown(capsys):
    def read() -> str:
        out: str = capsys.readouterr().out
        assert max(map(len, out.splitlines())) <= 80
        return out

    return read


def desk() -> Desk:
    found = Desk()
    grant: dict[str, Any] = {"valid_from": "2026-06-01", "services": [{"procedure_code": "62323", "units": "1"}]}
    found.note(an_authorization(CLAIM, **grant))
    found.decide(a_claim(service_lines=[line("62323", "59"), line("77003", "26", "59", units="2")]))
    found.note(an_encounter(CLAIM, guidance="none", levels=["L4-L5"], approach="interlaminar", pain_before=7))
    found.decide(a_claim(service_lines=[line("99213")], claim_id="EX-2"))
    found.decide(a_claim(frequency_code="8", service_lines=[line("62323")]))
    found.decide(a_claim(frequency_code="7", original_reference="EX-9", service_lines=[line("64483")], claim_id="EX-3"))
    return found


def test_a_patient_is_a_list_by_kind(shown):
    print_patient(TOKEN, NAMES.state_changelog, list(patient_told(TOKEN, Snapshot(desk().patients), DAY)))
    out = shown()

    assert f"patient {TOKEN}\n3 claims · 1 authorization · 1 encounter · 1 other event\n" in out
    assert "professional · frequency 1 · counts no more\n    62323-59     2026-06-15  1 unit\n" in out
    assert "    77003-26-59  2026-06-15  2 units\n" in out
    assert "    denied-risk · revision 1 · by 2\n" in out
    assert "frequency 8\n" in out
    assert "frequency 7 · counts · waits for its original 64483" in " ".join(out.split())
    assert "anybody   sealed; CLAIMSTREAM_TOKEN_KEY_FILE opens it\n" in out
    assert "knows approach, levels, guidance, pain_before\n" in out
    assert "  lumbar-sacral · person " in out


def test_an_authorization_that_is_opened_says_what_it_grants_and_what_was_used(shown):
    print_patient(TOKEN, NAMES.state_changelog, list(patient_told(TOKEN, Snapshot(desk().patients), DAY, seal())))

    assert "approved · 2026-06-01 to …\n    for 62323 (1 unit)\n    not used so far\n" in shown()


def test_partitions_are_a_table_with_its_sum(shown):
    found = desk()
    found.day = DAY + timedelta(3)
    found.decide(a_claim(claim_id="EX-5", subscriber={"member_id": "another"}))
    told = [partition_told(0, Snapshot(found.patients, has_identity=True)), partition_told(1, Snapshot(nobody()))]
    print_partitions(NAMES.state_changelog, told)
    out = shown()

    assert "claims.state-changelog · 2 partitions\n" in out
    assert "  0       2        4     1     1        1     0 " in out
    assert "2026-06-20…2026-06-23\n" in out
    assert "all       2        4     1     1        1     0 " in out
    assert out.endswith("without the record of whose state it is, which a worker writes: 1\n")


def test_an_account_that_is_clean_says_so_and_what_was_not_compared(shown):
    account = Account(partitions=8, records=12_000, compared=9_000, cut=1, before_log=40, older=1)
    print_account(NAMES.patient_events, account, ruleset().state, 1.24)
    out = shown()

    assert "claims.patient-events · 8 partitions · 12,000 records recounted in 1.2 s\n" in out
    assert "9,000 entries compared\n" in out
    assert "40 entries of before that, and what arrived more than 30 days ago" in " ".join(out.split())
    assert "1 entry of a former version, not compared\n" in out
    assert out.endswith("\nthe state is what the log says\n")


def test_differences_are_grouped_and_the_rest_counted(shown):
    account = Account(limit=2)
    for fault, position in (("differs", 7), ("missing", 3), ("missing", 5)):
        account.note(Difference(fault, 2, position, "e" * 64, TOKEN, "claim"))  # type: ignore[arg-type]
    print_account(NAMES.patient_events, account, ruleset().state, 0)
    out = shown()

    assert "differs (1): the changelog says something else than the log\n  claim of claims.patient-events:2:7\n" in out
    assert "missing (2): the log says it and the changelog lacks it\n  claim of claims.patient-events:2:3\n" in out
    assert out.endswith("1 more; --limit shows more of them\n3 entries not as the log says\n")
    assert {
        "kind": "missing", "partition": 2, "position": 3, "event_id": "e" * 64, "patient_token": TOKEN, "entry": "claim"
    } == account.examples[1].as_object()  # fmt: skip
    assert Counter(missing=2, differs=1) == account.faults


def test_a_purge_says_what_would_go_then_the_proof_and_in_both_cases_what_remains(shown):
    left = tuple(remains(Layout().topics(NAMES), date(2026, 1, 1)))
    kept = {"claim": 1, "authorization": 0, "met": 2}
    typed = f"claimstream state purge {TOKEN} --apply"
    print_purge(TOKEN, kept, None, None, left, typed=typed)
    dry = shown()
    print_purge(TOKEN, kept, f"{NAMES.patient_events}:1:5", Purge(3, "a" * 64), left, typed=typed)
    done = shown()
    print_purge(TOKEN, {}, None, None, left, typed=typed)

    assert f"patient {TOKEN} · dry run\nwould go: 1 claim · 2 other events\n" in dry
    assert dry.endswith(f"\nForget the patient:\n  {typed}\n")
    assert "kept until now: 1 claim · 2 other events\nforgotten from claims.patient-events:1:5 on\n" in done
    assert f"proof: 3 entries in use until then\n       {'a' * 64}\n" in done
    for out in (dry, done):
        assert "  2026-02-01  claims.received, claims.acknowledgements\n" in out
        assert "  2028-01-08  claims.patient-events, claims.accepted" in out
    assert "would go: nothing\n" in shown()
