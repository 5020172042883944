"""What a model says that nobody told it: found when it is not there, passed over however it is written when it is."""

import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.checks import uncited
from metrics.checks.engine import Checker
from metrics.checks.flag import Field


def found(said: str, given: str) -> list[tuple[str, str]]:
    """The sorts of specifics that are flagged, with the words."""
    checked = Checker().check([Field("output", "output", said)], given=lambda: orjson.dumps([given]).decode())
    return [
        (flag.pattern.partition("uncited-")[2], said[flag.start : flag.end])
        for flag in checked.flags
        if "uncited" in flag.pattern
    ]


@pytest.mark.parametrize(
    ("said", "given", "expected"),
    [
        ("The fee is $1,250.50.", "How much?", [("number", "$1,250.50")]),
        ("The share is 37.5%.", "What share?", [("number", "37.5%")]),
        ("There are 48213 rows", "count them", [("number", "48213")]),
        ("It was signed on May 3, 2024.", "When?", [("date", "May 3, 2024")]),
        ("See https://docs.example.org/refunds.", "Where?", [("url", "https://docs.example.org/refunds.")]),
        ("As “refunds are not given so late” says", "policy?", [("quote", "“refunds are not given so late”")]),
        ("See doi 10.1000/xyz123 for it", "source?", [("source", "10.1000/xyz123")]),
        ("As shown (Smith et al., 2019)", "source?", [("source", "(Smith et al., 2019)")]),
    ],
)  # fmt: skip
def test_specifics_that_were_not_given_are_found(said: str, given: str, expected: list[tuple[str, str]]) -> None:
    assert found(said, given) == expected


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ("The fee is $1,250.50.", "fee 1250.5 USD"),
        ("The fee is 1.250,50 EUR", "fee: 1250.50"),
        ("Together $4,200", "one is 1,700 and the other 2,500"),
        ("That is 12.3%", "rate 12.34 percent"),
        ("That is 12%", "rate 0.12"),
        ("Signed on May 3, 2024", "signed 2024-05-03"),
        ("Signed on 2024-05-03", "signed 3 May 2024"),
        ("See https://docs.example.org/refunds", "look at HTTPS://docs.example.org/refunds?x=1"),
        ("It says “Refunds  are never given—ever, to anyone”", "refunds are never\ngiven-ever, to anyone"),
        ("In 2023 we had 12 cats, 100% of them happy, of 1,000,000", "cats?"),
        ("Version 1.2.3 of file-2024-x and #48213", "which?"),
        ("```\nx = 48213\n```", "code?"),
        ('{"amount": 48213}', "json?"),
        ("plain words", "anything"),
        ("(March, 2019)", "when?"),
    ],
)
def test_what_was_given_or_says_nothing_is_passed_over(said: str, given: str) -> None:
    assert found(said, given) == []


def test_nothing_is_said_when_nobody_knows_what_was_given() -> None:
    text = [Field("output", "output", "The fee is $1,250.50.")]
    assert Checker().check(text).flags == ()
    assert Checker().check(text, given=lambda: "").flags == ()
    assert Checker().check(text, given=lambda: "word " * 100_000).flags == ()


def test_a_text_full_of_numbers_is_told_with_a_few() -> None:
    said = " ".join(f"${number}.37" for number in range(1_001, 3_000))
    assert len(found(said, "none")) == 6


@pytest.mark.parametrize("sort", ["URL", "DOI", "AUTHOR", "QUOTE", "DATE", "NUMBER"])
@given(data=st.data())
def test_no_text_that_has_specifics_is_passed_over_unread(sort: str, data: st.DataObject) -> None:
    pattern = getattr(uncited, sort)
    text = data.draw(st.from_regex(re.compile(pattern.pattern.replace(r"\x{A0}\x{202F}", r"\xa0\u202f"))))
    assert pattern.search(text) is None or any(sign in text for sign in uncited._SIGNS)
