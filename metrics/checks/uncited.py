"""Specifics in what a model said that are in nothing it was given: numbers, dates, addresses, quotations, citations.

Precise rather than complete: round numbers, small ones, bare years and code are passed over, and so is what is the sum,
the difference or the product of two numbers that were given. Nothing is known of what the model learnt in training, so
what is found may be right all the same.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import re2

from metrics.checks.flag import Field

# Of one text, and of what was given: with more than that nothing can be said.
MOST_FOUND = 60
MOST_GIVEN_CHARS = 400_000
# Numbers that were given are combined when there are no more than these.
MOST_COMBINED = 25
LEAST_QUOTED_WORDS = 5
MOST_QUOTED_CHARS = 400
LEAST_INTEGER = 1_000
MOST_DIGITS = 24
YEARS = range(1900, 2101)

_CURRENCY = r"(?:[$€£¥]\s?|(?:USD|EUR|GBP|CHF)\s)?"
NUMBER = re2.compile(rf"{_CURRENCY}(?:\d{{1,3}}(?:[,'\x{{A0}}\x{{202F}}]\d{{3}})+(?:\.\d+)?|\d+(?:[.,]\d+)?)(?:\s?%)?")
GIVEN_NUMBER = re.compile(r"\d(?:[\d,.'\u00a0\u202f]*\d)?")
URL = re2.compile(r"https?://[^\s<>\"'`)\]}|\\]+")
DOI = re2.compile(r"\b10\.\d{4,9}/[^\s\"<>\\]+|\barXiv:\d{4}\.\d{4,5}")
AUTHOR = re2.compile(
    r"\(?\b([A-Z][a-zà-ž]+(?:-[A-Z][a-zà-ž]+)?)(?: et al\.?|(?: and| &) [A-Z][a-zà-ž]+)?,? "
    r"\(?((?:19|20)\d\d)[a-z]?\)"
)
# Without bounds, which are minded below: an automaton with counted repetition runs out of memory.
QUOTE = re2.compile(r"“([^“”\n]+)”|\"([^\"\n]+)\"|„([^„“\n]+)“|«([^«»\n]+)»")
MONTHS = {
    name: place
    for place, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(\d\d?)(?:st|nd|rd|th)?"
DATE = re2.compile(
    rf"(?i)\b(\d{{4}})-(\d\d?)-(\d\d?)|\b({_MONTH}) {_DAY},? (\d{{4}})\b|\b{_DAY} ({_MONTH}),? (\d{{4}})\b"
    r"|\b(\d\d?)[./](\d\d?)[./](\d{4})\b"
)
CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)


class Found(NamedTuple):
    """Specifics of one sort between two characters of a text."""

    field: Field
    name: str
    start: int
    end: int


def find(fields: Iterable[Field], given: Callable[[], str], wanted: Mapping[str, Any]) -> Iterator[Found]:
    """Specifics of the sorts that are `wanted` (`uncited-number` and so on) that are not in what was `given`.

    `given` is asked only when there are any, and tells text or JSON.
    """
    source: _Given | None = None
    for field in fields:
        for found, known in _specifics(field):
            if found.name not in wanted:
                continue
            if source is None:
                text = given()
                if not text or len(text) > MOST_GIVEN_CHARS:
                    return
                source = _Given(text)
            if not known(source):
                yield found


class _Given:
    """What was given, taken apart when it is first asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._plain = ""
        self._numbers: list[float] = []
        self._derived: list[float] = []
        self._dates: set[date] | None = None

    @property
    def plain(self) -> str:
        """In lower case, with single spaces and straight quotes, without the escapes of JSON."""
        if not self._plain:
            self._plain = _plain(self.text.replace("\\n", " ").replace("\\t", " ").replace("\\", ""))
        return self._plain

    def has_number(self, value: Decimal) -> bool:
        """Whether a number was given, also with more digits than it is told, or follows from two that were."""
        if not self._numbers:
            said = GIVEN_NUMBER.findall(self.text)
            self._numbers = sorted({float(one) for text in dict.fromkeys(said) for one in _readings(text)})
        number, step = float(value), 10.0 ** int(value.as_tuple().exponent)
        if _holds(self._numbers, number, step) or _holds(self._numbers, number / 100, step / 100):
            return True
        if not self._derived and len(self._numbers) <= MOST_COMBINED:
            self._derived = sorted(_combined(self._numbers))
        return _holds(self._derived, number, step)

    def has_date(self, value: date) -> bool:
        """Whether a date was given, in any way of writing it."""
        if self._dates is None:
            self._dates = {day for match in DATE.finditer(self.text) for day in _days(match)}
        return value in self._dates


def _combined(numbers: Sequence[float]) -> set[float]:
    """What two numbers add up to, differ by and multiply to, and what all of them add up to."""
    pairs = ((one, other) for place, one in enumerate(numbers) for other in numbers[place:])
    return {found for one, other in pairs for found in (one + other, other - one, one * other)} | {sum(numbers)}


def _holds(numbers: Sequence[float], value: float, step: float) -> bool:
    """Whether sorted numbers hold one that is the value once it is rounded to steps."""
    place = bisect_left(numbers, value - step * 0.5000001)
    return place < len(numbers) and numbers[place] <= value + step * 0.5000001


Known = Callable[[_Given], bool]


def _specifics(field: Field) -> Iterator[tuple[Found, Known]]:
    text = field.text
    if not any(sign in text for sign in _SIGNS):
        return
    if text[:1] in "{[" and text.rstrip()[-1:] in "}]":
        return  # JSON for a program, not words for a person
    code = [match.span() for match in CODE.finditer(text)] if "```" in text else []
    code_ends = [last for _first, last in code]
    taken: list[tuple[int, int]] = []
    left = MOST_FOUND
    for name, pattern, known_of in _SORTS:
        for match in pattern.finditer(text):
            start, end = match.span()
            block = bisect_right(code_ends, start)  # the first that does not end before
            if block < len(code) and code[block][0] < end:
                continue
            if any(start < last and first < end for first, last in taken):
                continue
            known = known_of(match)
            if known is None:
                continue
            taken.append((start, end))
            left -= 1
            if left < 0:
                return
            yield Found(field, name, start, end), known


def _url(match: Any) -> Known:
    bare = match[0].rstrip(".,;:!?*_").rstrip("/").lower()
    return lambda given: bare in given.plain


def _source(match: Any) -> Known:
    bare = match[0].rstrip(".,;:").lower()
    return lambda given: bare in given.plain


def _author(match: Any) -> Known | None:
    name, year = match[1].lower(), match[2]
    if name[:3] in MONTHS and re.fullmatch(_MONTH, name):
        return None
    return lambda given: name in given.plain and year in given.plain


def _quote(match: Any) -> Known | None:
    words = _plain(next(group for group in match.groups() if group)[: MOST_QUOTED_CHARS + 1]).strip(" .,;:!?…")
    quoted = len(words) <= MOST_QUOTED_CHARS and len(words.split()) >= LEAST_QUOTED_WORDS
    return (lambda given: words in given.plain) if quoted else None


def _date(match: Any) -> Known | None:
    days = list(_days(match))
    return (lambda given: any(given.has_date(day) for day in days)) if days else None


def _number(match: Any) -> Known | None:
    """Numbers that say something: with a currency, a percent sign, decimals, or of four digits and more."""
    said, text, (start, end) = match[0], match.string, match.span()
    if text[start - 1 : start].isalnum() or text[start - 1 : start] in _INSIDE or text[end : end + 1].isalnum():
        return None
    if text[end : end + 1] in _BEHIND or (text[end : end + 1] in _POINTS and text[end + 1 : end + 2].isdigit()):
        return None
    bare = "".join(char for char in said if char.isdigit() or char in ".,'")
    values = _readings(bare)
    if not values or max(values) == 0:
        return None
    value = max(values)
    is_amount = said[0] in "$€£¥USEGC" or said.endswith("%")
    is_year = bare.isdigit() and value in YEARS
    if not (is_amount or "." in bare or value >= LEAST_INTEGER) or (is_year and not is_amount) or _is_round(value):
        return None
    return lambda given: any(given.has_number(one) for one in values)


# Beside these a number is part of a name, a path, an address or a longer number.
_INSIDE = frozenset("_.,#/-")
_BEHIND = frozenset("_/-")
_POINTS = frozenset(".,:")


def _is_round(value: Decimal) -> bool:
    """100 %, 1,000,000: a way of speaking more often than a figure."""
    return value == value.to_integral_value() and str(int(value)).rstrip("0") in {"1", ""}


_SORTS: tuple[tuple[str, Any, Callable[[Any], Known | None]], ...] = (
    ("uncited-url", URL, _url),
    ("uncited-source", DOI, _source),
    ("uncited-source", AUTHOR, _author),
    ("uncited-quote", QUOTE, _quote),
    ("uncited-date", DATE, _date),
    ("uncited-number", NUMBER, _number),
)

# Without any of these there is nothing of any sort.
_SIGNS = (*"0123456789", "http", '"', "“", "„", "«")


def _plain(text: str) -> str:
    for sign, straight in _STRAIGHT.items():
        text = text.replace(sign, straight)
    return " ".join(text.lower().split())


_STRAIGHT = {"’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-"}


def _readings(said: str) -> set[Decimal]:
    """What digits with separators may mean: `1,250` and `1.250` are read both ways."""
    bare = re.sub(r"['\u00a0\u202f\s]", "", said)
    texts = {bare.replace(",", ""), bare.replace(".", "").replace(",", ".")} if "," in bare or "." in bare else {bare}
    found = set()
    for text in texts:
        if len(text) <= MOST_DIGITS:
            try:
                found.add(Decimal(text))
            except InvalidOperation:
                continue
    return found


def _days(match: Any) -> Iterator[date]:
    year, month, day, name, its_day, its_year, day_first, its_name, last_year, one, other, third = match.groups()
    if year:
        candidates = [(year, int(month), day)]
    elif name:
        candidates = [(its_year, MONTHS[name[:3].lower()], its_day)]
    elif its_name:
        candidates = [(last_year, MONTHS[its_name[:3].lower()], day_first)]
    else:
        candidates = [(third, int(other), one), (third, int(one), other)]
    for its, which, of in candidates:
        try:
            yield date(int(its), which, int(of))
        except ValueError:
            continue
