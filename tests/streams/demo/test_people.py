import random
import re

from streams.demo.people import npi_of, some_mbi


def test_the_check_digit_of_an_npi_is_that_of_the_standards_own_example() -> None:
    assert npi_of(123456789) == "1234567893"


def test_a_check_digit_of_zero_is_written_as_zero() -> None:
    zeros = [npi for npi in map(npi_of, range(100000000, 100000020)) if npi.endswith("0")]

    assert zeros
    assert {len(npi) for npi in zeros} == {10}


def test_a_member_id_of_medicare_has_its_pattern() -> None:
    rng = random.Random(1)
    letter = "[AC-HJKMNP-RT-Y]"
    mixed = "[0-9AC-HJKMNP-RT-Y]"
    pattern = f"[1-9]{letter}{mixed}[0-9]{letter}{mixed}[0-9]{letter}{{2}}[0-9]{{2}}"

    assert all(re.fullmatch(pattern, some_mbi(rng)) for _ in range(300))
