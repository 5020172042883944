"""Numbers that exist, and the same with one digit changed or two swapped."""

from collections.abc import Callable

import pytest

from metrics.ingest import checksums

GOOD: list[tuple[Callable[[str], bool], str]] = [
    (checksums.card, "4111111111111111"),
    (checksums.card, "5555555555554444"),
    (checksums.card, "2223003122003222"),
    (checksums.card, "378282246310005"),
    (checksums.card, "30569309025904"),
    (checksums.card, "6011111111111117"),
    (checksums.card, "3530111333300000"),
    (checksums.iban, "DE89370400440532013000"),
    (checksums.iban, "FR1420041010050500013M02606"),
    (checksums.iban, "NO9386011117947"),
    (checksums.steuer_id, "86095742719"),
    (checksums.steuer_id, "47036892816"),
    (checksums.insee, "255081416802538"),
    (checksums.dni, "12345678Z"),
    (checksums.dni, "X1234567L"),
    (checksums.codice_fiscale, "RSSMRA85T10A562S"),
    (checksums.ahv, "7569217076985"),
    (checksums.aadhaar, "234123412346"),
    (checksums.cpf, "52998224725"),
    (checksums.personnummer, "8112189876"),
    (checksums.personnummer, "198112189876"),
    (checksums.bsn, "111222333"),
    (checksums.ssn, "123456789"),
    (checksums.nino, "AB123456C"),
]


@pytest.mark.parametrize(("valid", "number"), GOOD)
def test_a_number_that_exists_is_one(valid: Callable[[str], bool], number: str) -> None:
    assert valid(number)


@pytest.mark.parametrize(("valid", "number"), [row for row in GOOD if row[0] not in {checksums.ssn, checksums.nino}])
def test_a_wrong_check_digit_is_noticed(valid: Callable[[str], bool], number: str) -> None:
    last = number[-1]
    others = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if last.isalpha() else "0123456789"
    assert [other for other in others if valid(number[:-1] + other)] == [last]


@pytest.mark.parametrize(
    ("valid", "number"),
    [
        (checksums.card, "1763702379123456"),
        (checksums.card, "0000000000000000"),
        (checksums.iban, "ZZ89370400440532013000"),
        (checksums.steuer_id, "12345678901"),
        (checksums.insee, "255131416802538"),
        (checksums.cpf, "11111111111"),
        (checksums.personnummer, "8113189876"),
        (checksums.ssn, "000123456"),
        (checksums.ssn, "666123456"),
        (checksums.ssn, "900123456"),
        (checksums.nino, "BG123456C"),
        (checksums.nino, "QQ123456C"),
    ],
)
def test_a_number_that_was_never_given_out_is_none(valid: Callable[[str], bool], number: str) -> None:
    assert not valid(number)


def test_two_digits_of_an_aadhaar_number_cannot_change_places() -> None:
    number = "234123412346"
    swapped = [number[:at] + number[at + 1] + number[at] + number[at + 2 :] for at in range(11)]
    assert [other for other in swapped if other != number and checksums.aadhaar(other)] == []
