"""A project's own patterns."""

import time

import orjson
import pytest

from metrics.ingest.masking import Masker, Plan, Policy
from metrics.ingest.masking_own import OwnPattern, Wrong, joined_hint, unescaped


def masker_with(*patterns: str, pseudonyms: bool = False) -> Masker:
    own = tuple(OwnPattern(f"own{place}", pattern) for place, pattern in enumerate(patterns))
    return Masker(Plan(Policy(kinds=frozenset(), patterns=own, pseudonyms=pseudonyms, key=b"k")))


def test_a_match_is_replaced_by_the_name_of_the_pattern_and_counted() -> None:
    masker = masker_with(r"\bC-[0-9]{6}\b")
    assert masker.text("customer C-123456, not C-1234567") == "customer [own0], not C-1234567"
    assert masker.counts == {"own0": 1}


def test_a_pattern_goes_before_the_built_in_kinds() -> None:
    own = (OwnPattern("staff", r"[a-z]+@ours\.example"),)
    masker = Masker(Plan(Policy(patterns=own)))
    assert masker.text("ana@ours.example, bob@theirs.example") == "[staff], [email]"


def test_pseudonyms_of_own_patterns_are_stable() -> None:
    masker = masker_with(r"C-[0-9]{6}", pseudonyms=True)
    first, again, other = masker.text("C-123456 C-123456 C-654321").split()
    assert first == again != other


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"^ORD-\d{4}$", "ORD-1234", "[own0]"),
        (r"\bfoo\b", "a\nfoo\tb", "a\n[own0]\tb"),
        (r'say "\w+"', 'I say "hello"', "I [own0]"),
        (r"a\sb", "a\nb", "[own0]"),
        (r"a.b", "a\\b", "[own0]"),
        (r"x\x07y", "x\x07y", "[own0]"),
        (r"\p{Greek}+", "say λόγος", "say [own0]"),
        (r"(?i)straße", "STRAßE", "[own0]"),
        (r"\Q^x\E\d", "^x1", "[own0]"),
        (r"[\]^$]1", "$1", "[own0]"),
    ],
)
def test_what_json_writes_otherwise_is_suspected_all_the_same(pattern: str, text: str, expected: str) -> None:
    masker = masker_with(pattern)
    assert masker.text(text) == expected
    assert masker.suspects(orjson.dumps({"x": text}))


def test_text_without_a_match_is_not_suspected() -> None:
    masker = masker_with(r"^ORD-\d{4}$", r"\bC-[0-9]{6}\b")
    assert not masker.suspects(orjson.dumps({"x": 'C-12 and\nORD-12 and "quoted"'}))


def test_escapes_of_json_are_undone_for_the_quick_look() -> None:
    text = 'a"b\\c\nd\te\\n'
    assert unescaped(orjson.dumps(text)) == f'"{text}"'.encode()
    assert unescaped(orjson.dumps("\x07")) is None
    assert joined_hint([OwnPattern("q", r"\Qa.b\E")]) is None


@pytest.mark.parametrize(
    ("name", "pattern", "member", "words"),
    [
        ("", "x", "name", "small letters"),
        ("Order", "x", "name", "small letters"),
        ("a]b", "x", "name", "small letters"),
        ("email", "x", "name", "built-in"),
        ("order", "", "pattern", "1 to 500"),
        ("order", "x" * 501, "pattern", "1 to 500"),
        ("order", "(", "pattern", "missing"),
        ("order", "(?=x)", "pattern", "invalid perl operator"),
        ("order", r"(a)\1", "pattern", "invalid escape"),
        ("order", "x*", "pattern", "empty"),
        ("order", "^", "pattern", "empty"),
        ("order", "a{1000}{1000}", "pattern", "regular expression"),
        ("order", "\ud800", "pattern", "regular expression"),
    ],
)
def test_a_pattern_that_cannot_be_used_says_why(name: str, pattern: str, member: str, words: str) -> None:
    with pytest.raises(Wrong, match=words) as error:
        OwnPattern(name, pattern).check()
    assert error.value.member == member


def test_a_pattern_that_backtracks_elsewhere_takes_linear_time_here() -> None:
    masker = masker_with(r"(a+)+$b")
    start = time.process_time()
    masker.text("a" * 200_000)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("pattern", [r"\bC-[0-9]{6}\b", r"^ORD_\d+$", r"[a-z]+@ours\.example", r"(?:a|b)[A-F0-9]{4}"])
def test_a_plain_pattern_finds_nothing_that_json_escapes(pattern: str) -> None:
    assert OwnPattern("own", pattern).is_plain


@pytest.mark.parametrize(
    "pattern", ["a.b", r"a\sb", r"a\Wb", "[^a]", '"', r"\\", "[!-~]", "[A-z]", r"\x22", r"\n", "[[:punct:]]", "a\tb",
                 r"\pP", r"[\x00-a]", r"\Qa", "(?s:a)."]
)  # fmt: skip
def test_a_pattern_that_may_find_what_json_escapes_is_not_plain(pattern: str) -> None:
    assert not OwnPattern("own", pattern).is_plain
