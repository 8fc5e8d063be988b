import csv
from pathlib import Path

import pytest

from streams.intake.items import ReadClaim, Rejected
from tests.streams.intake.x12.building import claims, items, rejected

pytestmark = pytest.mark.shared

NOT_READ = {
    # No NM1*PR stands in the file, and SV1 has no LX.
    "mimilabs__hccinfhir__sample_837_11.txt": ("missing-field", "2010BB/NM1 segment 11"),
    # The file has no HL, so no subscriber level, and no payer.
    "Query-farm__vgi-x12__claim_837.837": ("misplaced-segment", "2300/CLM segment 7"),
}
BAD = {
    "imsweb__x12-parser__x12_bad_first_line.txt": (2, []),
    "imsweb__x12-parser__x12_bad_segment_identifier.txt": (1, ["missing-field"]),  # NM31 where NM1*IL should stand
    "imsweb__x12-parser__x12_missing_elements.txt": (2, []),  # NM102 of the receiver, CLM05: neither required
    "imsweb__x12-parser__x12_no_isa_line.txt": (0, ["bad-envelope"]),
    "imsweb__x12-parser__x12_segment_errors.txt": (0, ["missing-field"]),  # no HI
    "imsweb__x12-parser__x12_segments_out_of_order.txt": (2, []),
    "xlate__staedi__837-header-ref-only.edi": (0, ["no-claims"]),
    "xlate__staedi__sample837-HL-nested.edi": (0, ["no-claims"]),
    "xlate__staedi__sample837-small.edi": (0, ["no-claims"]),
    "gunajii__EDI-parser-and-validator__invalid_837.edi": (0, ["no-claims"]),  # lines without CLM
    "azoner__pyx12__837miss.x12": (0, ["unsupported-transaction"]),
    "azoner__pyx12__elements.x12": (0, ["unsupported-transaction"]),
    "azoner__pyx12__fail_no_IEA.x12": (0, ["unsupported-transaction"]),
}


def manifest(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


def test_the_public_837p_samples_are_read_but_for_two_that_lack_what_is_required(shared: Path) -> None:
    folder = shared / "samples" / "x12_837p"
    read = 0
    for row in manifest(folder):
        data = (folder / row["file"]).read_bytes()
        count = len(claims(data))
        refused = [(found.rejection.code, found.rejection.at) for found in rejected(data)]

        assert ([NOT_READ[row["file"]]] if row["file"] in NOT_READ else []) == refused
        assert int(row["claims"]) == count + len(refused)
        read += count
    assert read == 86


def test_the_bad_837p_samples_give_their_good_claims_and_a_reason_for_the_others(shared: Path) -> None:
    folder = shared / "samples" / "x12_837p_bad"
    found = {
        row["file"]: (len(claims(data)), [item.rejection.code for item in rejected(data)])
        for row in manifest(folder)
        for data in [(folder / row["file"]).read_bytes()]
    }

    assert found == BAD


def test_samples_of_another_kind_give_no_claim_and_say_which_kind_they_are(shared: Path) -> None:
    folder = shared / "samples" / "x12_wrong_kind"
    for row in manifest(folder):
        found = items((folder / row["file"]).read_bytes())

        assert not [item for item in found if isinstance(item, ReadClaim)]
        messages = [item.rejection.message for item in found if isinstance(item, Rejected)]
        word = row["kind"].split("-")[0]
        if word != "mixed":
            assert any(message.startswith(word) for message in messages), row["file"]


def test_samples_of_authorizations_name_the_option_that_takes_them(shared: Path) -> None:
    folder = shared / "samples" / "x12_278"
    for row in manifest(folder):
        (found,) = rejected((folder / row["file"]).read_bytes())

        assert found.rejection.code == "not-a-claim"
        assert "--authorizations" in found.rejection.message


@pytest.mark.parametrize("folder", ["x12_837p", "x12_837p_bad", "x12_wrong_kind", "x12_278"])
def test_every_sample_can_be_cut_anywhere_and_its_rejections_sent_again(shared: Path, folder: str) -> None:
    for row in manifest(shared / "samples" / folder):
        data = (shared / "samples" / folder / row["file"]).read_bytes()
        for end in range(0, len(data), 97):
            assert any(isinstance(item, ReadClaim | Rejected) for item in items(data[:end]))
        for found in rejected(data):
            assert found.rejection.message in [again.rejection.message for again in rejected(found.original)]
