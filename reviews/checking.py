"""The texts of a request for approval, checked as they come in. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import orjson

from metrics.checks.engine import Checked, Checker
from metrics.checks.fields import texts
from metrics.checks.flag import Field

# What the model of the agent was told by its author is no message to it, and what it said before was checked there.
UNREAD_ROLES = frozenset({"system", "model"})


class Action(Protocol):
    """One action that is asked for."""

    @property
    def arguments(self) -> dict[str, Any]: ...
    @property
    def description(self) -> str: ...


def checked(
    checker: Checker, *, items: Sequence[Action], summary: str, description: str, context: Mapping[str, Any]
) -> Checked:
    """What is found in a request. Figures that the agent's words name are looked for in the arguments and the context.

    Paths begin with `summary`, `description`, `arguments`, `context`, and of the actions of a batch with `items[n]`.
    """

    def given() -> str:
        known = [dict(context), *(item.arguments for item in items)]
        try:
            return orjson.dumps(known, option=orjson.OPT_NON_STR_KEYS).decode()
        except TypeError:  # a number beyond 64 bits
            return json.dumps(known, ensure_ascii=False)

    return checker.check(_fields(items, summary, description, context), given=given)


def _fields(items: Sequence[Action], summary: str, description: str, context: Mapping[str, Any]) -> Iterator[Field]:
    if len(items) == 1:
        description = description or items[0].description  # as the API shows it
    yield Field("summary", "output", summary)
    yield Field("description", "output", description)
    for index, item in enumerate(items):
        way = f"items[{index}]." if len(items) > 1 else ""
        if item.description != description:
            yield Field(f"items[{index}].description", "output", item.description)
        yield from texts(item.arguments, f"{way}arguments", "arguments")
    yield from texts(dict(context), "context", "context", unread=UNREAD_ROLES)


def of_item(flags: Sequence[Mapping[str, Any]], index: int) -> list[Mapping[str, Any]]:
    """The flags that concern one action of a request: its own, and those of what the actions share."""
    own = f"items[{index}]."
    return [flag for flag in flags if flag["path"].startswith(own) or not flag["path"].startswith("items[")]
