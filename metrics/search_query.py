"""The search box of the trace list: words, and values by name. Pure.

    refund timeout http.status_code=500 agent:support span:"execute_tool search" cost>0.05 -weather

All of it must hold for a trace. Words may stand in any order and any span of it; there is no search inside words. What
is in the text index can be left out by a minus before it.
`key=value` and `key:value` mean the same; a value with spaces is quoted. The names of FILTERS are those of the filter
bar and look at every trace; other names and words are looked up in the text index.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from metrics import search_words
from metrics.ranges import ParameterError

MOST_TERMS = 20
# Names of the box that are filters of the list <- the parameter that each stands for.
FILTERS = {
    **{name: name for name in ("status", "agent", "model", "session", "user", "environment", "tag", "team", "version")},
    **{name: name for name in ("prompt", "name", "error_type", "flag")},
    "error": "error_type",
    "env": "environment",
    "session_id": "session",
    "user_id": "user",
    "trace_id": "trace_id",
    "id": "trace_id",
}
# Amounts <- the unit in the parameter's name, the smallest difference, and how many units a suffix stands for.
AMOUNTS = {
    "cost": ("cost_usd", Decimal("1e-9"), {"": 1}),
    "duration": ("duration_ms", Decimal("1e-6"), {"": 1, "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}),
    "tokens": ("tokens", Decimal(1), {"": 1, "k": 1_000, "m": 1_000_000}),
    "spans": ("spans", Decimal(1), {"": 1, "k": 1_000}),
    "errors": ("errors", Decimal(1), {"": 1, "k": 1_000}),
}
_TERM = re.compile(
    r"""\s*(?P<minus>-(?=[\w"]))?(?:
        (?P<key>[^\W\d][^\s"=:<>]*) (?P<sign>[<>]=?|=|:(?!//)) (?: "(?P<quoted>[^"]*)" | (?P<plain>[^\s"]*) )
      | "(?P<phrase>[^"]*)"
      | (?P<word>[^\s"]+)
    )(?=\s|$)""",
    re.VERBOSE,
)
_AMOUNT = re.compile(r"\$?([0-9]*\.?[0-9]+)([a-z]*)")


# Tokens that must all be there.
Alternative: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """What the text index is asked: of every group one alternative must hold, of those left out none."""

    groups: tuple[tuple[Alternative, ...], ...] = ()
    without: tuple[Alternative, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.groups or self.without)


class Asked(NamedTuple):
    """A search box, read: what the text index is asked, and parameters of the filter bar."""

    search: Search
    filters: dict[str, str]


@dataclass(slots=True)
class _Reading:
    groups: list[tuple[Alternative, ...]] = field(default_factory=list)
    without: list[Alternative] = field(default_factory=list)
    filters: dict[str, str] = field(default_factory=dict)


def parse(text: str, *, parameter: str = "q") -> Asked:
    """Reads a search box. Raises ParameterError naming `parameter` and saying what cannot be understood."""
    found = _Reading()
    for count, term in enumerate(_terms(text, parameter), start=1):
        if count > MOST_TERMS:
            raise ParameterError(parameter, f"{parameter} may have at most {MOST_TERMS} terms.")
        key, sign = term["key"], term["sign"]
        if term["minus"]:
            _left_out(found, term, parameter)
            continue
        if key is None:
            _word(found, _said(term), parameter)
            continue
        value = _value(term)
        if not value:
            raise ParameterError(parameter, f"{parameter}: {key}{sign} needs a value behind it.")
        if sign in {"=", ":"}:
            _equal(found, key, value, parameter)
        else:
            _amount(found, key.lower(), sign, value, parameter)
    return Asked(Search(tuple(dict.fromkeys(found.groups)), tuple(dict.fromkeys(found.without))), found.filters)


def _said(term: re.Match[str]) -> str:
    return term["phrase"] if term["phrase"] is not None else term["word"]


def _value(term: re.Match[str]) -> str:
    return (term["quoted"] if term["quoted"] is not None else term["plain"]).strip()


def _left_out(found: _Reading, term: re.Match[str], parameter: str) -> None:
    """A word, a phrase or a value that no trace of the list may have. Filters cannot be turned round."""
    inner = _Reading()
    if term["key"] is None:
        _word(inner, _said(term), parameter)
    elif term["sign"] in {"=", ":"} and _value(term):
        _equal(inner, term["key"], _value(term), parameter)
    if not inner.groups:
        raise ParameterError(
            parameter,
            f"{parameter}: {term[0].strip()[:60]} cannot be left out: only words and values of attributes can.",
        )
    found.without += [alternative for group in inner.groups for alternative in group]


def term(key: str, value: str) -> str:
    """What to type to find a value by name; empty when the search box has no way to say it."""
    return f'{key}:"{value}"' if '"' not in value and search_words.pair(key, value) else ""


def _terms(text: str, parameter: str) -> Iterator[re.Match[str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        term = _TERM.match(text, at)
        if term is None:
            raise ParameterError(parameter, f'{parameter}: a quotation mark (") is missing its partner.')
        yield term
        at = term.end()


def _word(found: _Reading, text: str, parameter: str) -> None:
    """A word, a quoted phrase (its words, in any order) or an id as it stands."""
    if re.fullmatch(r"[0-9a-fA-F]{32}", text):
        _equal(found, "trace_id", text, parameter)
        return
    words = sorted(search_words.words(text))
    if not words:
        raise ParameterError(parameter, f"{parameter}: “{text[:60]}” has no letters or digits to search for.")
    alternatives = [tuple(words), *((search_words.pair(name, text),) for name in ("session", "user"))]
    if re.fullmatch(r"[0-9a-fA-F]{16}", text):
        alternatives.append((search_words.span_token(bytes.fromhex(text)),))
    found.groups.append(tuple(tokens for tokens in alternatives if all(tokens)))


def _equal(found: _Reading, key: str, value: str, parameter: str) -> None:
    name = FILTERS.get(key.lower())
    if name is None:
        token = search_words.pair(key, value)
        if not token:
            longest = search_words.MAX_VALUE_CHARS
            raise ParameterError(parameter, f"{parameter}: {key}= finds values of at most {longest} characters.")
        found.groups.append(((token,),))
    elif found.filters.setdefault(name, value) != value:
        raise ParameterError(parameter, f"{parameter}: {key} can only be one value.")


def _amount(found: _Reading, key: str, sign: str, value: str, parameter: str) -> None:
    if key not in AMOUNTS:
        raise ParameterError(parameter, f"{parameter}: only {', '.join(AMOUNTS)} can be compared with {sign}.")
    name, step, units = AMOUNTS[key]
    amount = _AMOUNT.fullmatch(value.lower())
    if amount is None or amount[2] not in units:
        known = ", ".join(unit for unit in units if unit)
        raise ParameterError(parameter, f"{parameter}: {key} takes a number{f' ({known})' if known else ''}.")
    bound = "min" if sign.startswith(">") else "max"
    wanted = Decimal(amount[1]) * units[amount[2]] + {">": step, "<": -step}.get(sign, Decimal(0))
    if wanted < 0:
        raise ParameterError(parameter, f"{parameter}: no {key} is below 0.")
    found.filters[f"{bound}_{name}"] = format(wanted.normalize(), "f")
