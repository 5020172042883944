"""Conditions of rules and risk factors, in the Common Expression Language (https://cel.dev).

Pure. A condition is compiled once, is refused when it could take long, and is asked through a `Trial`, which knows one
request. What goes wrong is an answer like any other: neither yes nor no, with the reason in words.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cel

from reviews.policy.effort import LOOPS, STEPS_MAX, Effort, TooMuch, effort_of
from reviews.policy.values import Values, field_of, over, truth, word

CONDITION_CHARS = 1_000
SECONDS_MAX = 0.1
"""For all conditions of one request together; whatever is not answered by then is an error."""

VALUES_MAX = 5_000
LOOP_MAX = 500

VARIABLES = (
    "action", "args", "agent", "risk", "confidence", "context", "session", "end_user", "cost", "time", "history",
    "flags",
)  # fmt: skip
OWN_FUNCTIONS = ("over", "is_true", "word")
FUNCTIONS = LOOPS | {
    *OWN_FUNCTIONS,
    "size", "contains", "startsWith", "endsWith", "matches", "has", "string", "int", "uint", "double", "type", "dyn",
    "min", "max", "timestamp", "duration", "getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek",
    "getDayOfYear", "getHours", "getMinutes", "getSeconds",
}  # fmt: skip
TYPES = frozenset({"int", "uint", "double", "string", "bool", "bytes", "list", "map", "null_type", "type"})


class ConditionError(ValueError):
    """The condition cannot be used; the text says why, for whoever wrote it."""


@dataclass(frozen=True)
class Condition:
    """A condition that was compiled."""

    source: str
    program: cel.Program
    variables: frozenset[str]
    effort: Effort


@dataclass(frozen=True)
class Answer:
    """Whether a condition holds; None is an error, which `error` explains. `seen` are the values that it looked at."""

    holds: bool | None
    seen: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    error: str = ""


@lru_cache(maxsize=4_096)
def compiled(source: str) -> Condition:
    """The condition that a text spells. Raises ConditionError."""
    if not source.strip():
        raise ConditionError("is empty: write true to match every request")
    if len(source) > CONDITION_CHARS:
        raise ConditionError(f"is longer than {CONDITION_CHARS} characters")
    try:
        effort = effort_of(source, variables=frozenset(VARIABLES))
    except TooMuch as error:
        raise ConditionError(str(error)) from None
    try:
        program = cel.compile(source)
        references = program.references()
    except ValueError as error:
        raise ConditionError(f"is not CEL: {_syntax(str(error))}") from None
    except BaseException as error:
        raise ConditionError(f"is not CEL: {type(_ours(error)).__name__}") from None
    names = set(references["variables"]) - effort.bound - TYPES
    unknown = sorted(names - set(VARIABLES))
    if unknown:
        raise ConditionError(f"uses {unknown[0]}, which there is not: there are {', '.join(VARIABLES)}")
    # Macros are no functions any more once they are compiled, so both are looked at.
    called = {name for name in references["functions"] if name.isidentifier()} | effort.called - {"in"}
    if called - FUNCTIONS:
        raise ConditionError(f"calls {min(called - FUNCTIONS)}, which there is not")
    return Condition(source, program, frozenset(names), effort)


class Trial:
    """One request before the conditions. `facts` has a value for every variable that the conditions use."""

    def __init__(self, facts: Mapping[str, Any], *, timer: Callable[[], float] = time.perf_counter) -> None:
        self._facts = dict(facts)
        self._values = Values()
        self._timer = timer
        self._until = timer() + SECONDS_MAX
        self._seen: list[str] = []
        self._unread: list[str] = []
        self._known: set[str] = set()
        self._context = cel.Context(functions={"over": self._over, "is_true": self._is_true, "word": self._word})

    @property
    def late(self) -> bool:
        """Whether the time for all conditions together is over."""
        return self._timer() > self._until

    def tell(self, name: str, value: Any) -> None:
        """Adds a fact that was found out meanwhile."""
        self._facts[name] = value

    def ask(self, source: str) -> Answer:
        """Whether a condition holds. Never raises."""
        self._seen, self._unread = [], []
        try:
            condition = compiled(source)
            self._prepare(condition)
            result = condition.program.execute(self._context)
        except ConditionError as error:
            return Answer(None, error=f"it {error}")
        except BaseException as error:
            return Answer(None, tuple(self._seen), tuple(self._unread), in_words(_ours(error)))
        if not isinstance(result, bool):
            return Answer(None, error=f"it gives {type(result).__name__}, not true or false")
        return Answer(result, tuple(self._seen), tuple(self._unread))

    def _prepare(self, condition: Condition) -> None:
        if self.late:
            raise ConditionError("was not asked: the conditions before it took too long")
        for name in condition.variables - self._known:
            if name not in self._facts:
                raise ConditionError(f"uses {name}, which is not known here")
            self._context.add_variable(name, self._values.converted(self._facts[name]))
            self._known.add(name)
        if self._values.count > VALUES_MAX:
            raise ConditionError(f"was not asked: the request has more than {VALUES_MAX:,} values")
        if condition.effort.loops and self._values.longest > LOOP_MAX:
            raise ConditionError(f"goes through lists, and one of this request has more than {LOOP_MAX} entries")
        if condition.effort.steps(self._values) > STEPS_MAX:
            raise ConditionError("was not asked: on a request as large as this one it could take too long")

    def _over(self, field: str, limit: float) -> bool:
        holds, sentence = over(field, field_of(self._facts, field), limit)
        if sentence:
            (self._unread if holds is None else self._seen).append(sentence)
        return bool(holds)

    def _is_true(self, field: str) -> bool:
        holds, sentence = truth(field, field_of(self._facts, field))
        self._seen += [sentence] if holds else []
        return holds

    def _word(self, field: str) -> str:
        text, sentence = word(field, field_of(self._facts, field))
        self._seen += [sentence] if text else []
        return text


def in_words(error: BaseException) -> str:
    """What went wrong while a condition was asked."""
    if isinstance(error, KeyError):
        return f"it asks for {error.args[0]}, which the request does not have"
    if isinstance(error, TypeError):
        return "it compares or combines values of types that do not go together"
    if isinstance(error, ZeroDivisionError):
        return "it divides by zero"
    text = str(error).partition("\n")[0].partition(". ")[0]
    return f"it failed: {text[:200]}" if text else f"it failed: {type(error).__name__}"


def _ours(error: BaseException) -> BaseException:
    """The error, unless it is none of the library's. Its panics are no `Exception`, so everything is caught first."""
    if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
        raise error
    return error


def _syntax(message: str) -> str:
    """The library's first complaint, without its frame of source lines and without all that it could have read."""
    found = re.search(r"<input>:\d+:(\d+): (?:Syntax error: )?([^\n]+)", message)
    if found is None:
        return message.partition("\n")[0][:160]
    complaint = found.group(2).partition(" expecting ")[0]
    words = "it ends too soon" if "<EOF>" in complaint else complaint[:160]
    return f"{words} (at character {found.group(1)})"
