"""Which numbers can be a payment card, an account or a person's national number: check digits and known prefixes.

Each function takes the bare number, without separators and in capitals, and says whether it is one.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date

# First digits and lengths of payment cards (ISO/IEC 7812 issuer ranges): lowest, highest prefix, lengths.
CARD_RANGES: tuple[tuple[int, int, frozenset[int]], ...] = (
    (4, 4, frozenset({13, 16, 19})),
    (51, 55, frozenset({16})),
    (2221, 2720, frozenset({16})),
    (34, 34, frozenset({15})),
    (37, 37, frozenset({15})),
    (300, 305, frozenset({14})),
    (36, 36, frozenset({14})),
    (38, 39, frozenset({14})),
    (6011, 6011, frozenset(range(16, 20))),
    (644, 659, frozenset(range(16, 20))),
    (3528, 3589, frozenset(range(16, 20))),
    (62, 62, frozenset(range(16, 20))),
    (5018, 5018, frozenset(range(16, 20))),
    (5020, 5020, frozenset(range(16, 20))),
    (5038, 5038, frozenset(range(16, 20))),
    (6304, 6304, frozenset(range(16, 20))),
    (6759, 6763, frozenset(range(16, 20))),
)
# Length of an IBAN by country (ISO 13616 registry).
IBAN_LENGTHS: Mapping[str, int] = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "CH": 21,
    "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18,
    "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23,
    "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LI": 21, "LT": 20, "LU": 20, "LV": 21,
    "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24,
    "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
NINO_NOT_GIVEN = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})
# Codice fiscale: what a character counts at odd places (1st, 3rd, ...), digits first and then letters.
CF_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
          10, 22, 25, 24, 23)  # fmt: skip
VERHOEFF_TIMES = tuple(
    tuple((a + b) % 5 if a < 5 and b < 5 else (a + b % 5) % 5 + 5 if a < 5 else
          (a - b) % 5 + 5 if b < 5 else (a - b) % 5 for b in range(10))
    for a in range(10)
)  # fmt: skip
VERHOEFF_PERMUTE = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def luhn(digits: str) -> bool:
    """The Luhn sum (ISO/IEC 7812-1 annex B)."""
    total = sum(map(int, digits[-1::-2]))
    return (total + sum((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)[int(digit)] for digit in digits[-2::-2])) % 10 == 0


def card(digits: str) -> bool:
    """A payment card: a known prefix, a length it has, and the Luhn sum."""
    for lowest, highest, lengths in CARD_RANGES:
        if len(digits) in lengths and lowest <= int(digits[: len(str(lowest))]) <= highest:
            return luhn(digits) and len(set(digits)) > 1
    return False


def iban(text: str) -> bool:
    """An account number: the length of its country and the remainder 1 of 97 (ISO 7064 mod 97-10)."""
    if len(text) != IBAN_LENGTHS.get(text[:2]):
        return False
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1


def ssn(digits: str) -> bool:
    """United States: areas, groups and serials that are given out; there is no check digit."""
    return digits[:3] not in {"000", "666"} and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"


def nino(text: str) -> bool:
    """United Kingdom: prefixes that are given out."""
    return text[:2] not in NINO_NOT_GIVEN and not set(text[:2]) & set("DFIQUV") and text[1] != "O"


def steuer_id(digits: str) -> bool:
    """Germany: in the first ten digits exactly one comes twice or three times; ISO 7064 mod 11,10."""
    counts = Counter(digits[:10]).values()
    if digits[0] == "0" or sorted(counts)[-1] not in {2, 3} or sorted(counts)[-2] != 1:
        return False
    product = 10
    for digit in digits[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def insee(text: str) -> bool:
    """France: the month, and 97 less the remainder of 97; Corsica's 2A and 2B count as 19 and 18."""
    body = text[:13].replace("2A", "19").replace("2B", "18") if text[5:7] in {"2A", "2B"} else text[:13]
    if not body.isdigit() or not (1 <= int(body[3:5]) <= 12 or 20 <= int(body[3:5]) <= 42 or int(body[3:5]) >= 50):
        return False
    return 97 - int(body) % 97 == int(text[13:])


def dni(text: str) -> bool:
    """Spain, DNI and NIE: the letter is the remainder of 23; X, Y, Z count as 0, 1, 2."""
    number = text[:-1].translate(str.maketrans("XYZ", "012"))
    return DNI_LETTERS[int(number) % 23] == text[-1]


def codice_fiscale(text: str) -> bool:
    """Italy: the last letter is a weighted sum of the others, remainder of 26."""
    total = 0
    for place, char in enumerate(text[:15]):
        value = int(char, 36)
        total += CF_ODD[value] if place % 2 == 0 else value - 10 if value > 9 else value
    return chr(ord("A") + total % 26) == text[15]


def ahv(digits: str) -> bool:
    """Switzerland: the check digit of EAN-13."""
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0


def aadhaar(digits: str) -> bool:
    """India: the check digit of Verhoeff (dihedral group of order 10)."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = VERHOEFF_PERMUTE[value]
        check = VERHOEFF_TIMES[check][value]
    return check == 0 and digits[0] not in "01"


def cpf(digits: str) -> bool:
    """Brazil: two check digits, remainders of 11."""
    for length in (9, 10):
        total = sum(int(digit) * (length + 1 - place) for place, digit in enumerate(digits[:length]))
        if total * 10 % 11 % 10 != int(digits[length]):
            return False
    return len(set(digits)) > 1


def personnummer(digits: str) -> bool:
    """Sweden: a date and the Luhn sum; days of coordination numbers are 60 higher."""
    digits = digits[-10:]
    day = int(digits[4:6])
    try:
        date(2000, int(digits[2:4]), day - 60 if day > 60 else day)
    except ValueError:
        return False
    return luhn(digits)


def bsn(digits: str) -> bool:
    """Netherlands: the eleven-test, with the last digit taken away."""
    total = sum(int(digit) * (9 - place) for place, digit in enumerate(digits[:8])) - int(digits[8])
    return total % 11 == 0 and int(digits) > 0


# Numbers that stand behind a word such as "SSN:", by their length.
NAMED_NUMBERS: Mapping[int, tuple[Callable[[str], bool], ...]] = {
    9: (ssn, bsn), 11: (steuer_id,), 12: (aadhaar,)
}  # fmt: skip
