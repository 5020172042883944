"""Reading attributes by ordered keys: JSON inside text is parsed at most once, and what says nothing is passed over."""

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

from metrics.ingest.limits import MAX_DEPTH, Refused
from metrics.ingest.rows import Attributes, Value
from metrics.ingest.semconv import Key, Keys

SCRUBBED = re.compile(r"^\[Scrubbed due to .*\]$", re.DOTALL)
MAX_PARSED_CHARS = 4 * 1024 * 1024
MAX_INDEX = 10_000
# Ten times the largest context that any model takes today.
MOST_TOKENS = 100_000_000


def says_something(value: Value) -> bool:
    """Whether a value is a value: 0 and False are, nothing, empty text and placeholders of scrubbers are not."""
    if value is None or value == "" or value == [] or value == {}:
        return False
    return not (isinstance(value, str) and value[0] == "[" and SCRUBBED.match(value))


def parsed(value: Value) -> Value:
    """The JSON that a text holds, also when it was encoded twice; any other value as it is."""
    for _ in range(2):
        if not isinstance(value, str) or not value or value[0] not in '{["' or len(value) > MAX_PARSED_CHARS:
            break
        text: str = value
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = _lenient(text)
            if value is None:
                return text
    return value


def _lenient(text: str) -> Value:
    # Python's json writes NaN and Infinity, which JSON does not know. Only then is the slower parser worth its time.
    if "NaN" not in text and "Infinity" not in text:
        return None
    try:
        value: Value = json.loads(text, parse_constant=str)
        orjson.dumps(value)  # half surrogates and endless numbers pass one parser and fail in the database
    except (ValueError, TypeError, RecursionError):
        return None
    return value


def whole(value: Value) -> int | None:
    """A number of tokens, not below 0; None for what is no number or more than one call can use.

    Text and floats are read, NaN is not. An absurd count is dropped rather than cut: it would be priced, and one span
    could wreck a day's cost.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, int | float) and value <= MOST_TOKENS:  # never true of NaN
        return int(max(value, 0))
    return None


class Reader:
    """The attributes of one span, with its resource and name, read by keys."""

    __slots__ = ("_json", "attributes", "kind", "name", "resource")

    def __init__(self, attributes: Attributes, resource: Attributes, name: str, kind: str = "") -> None:
        self.attributes = attributes
        self.resource = resource
        self.name = name
        self.kind = kind
        self._json: dict[str, Value] = {}

    def present(self, keys: Keys) -> list[Key]:
        """The keys that can have a value at all: most of the many that are known are in no given span."""
        attributes = self.attributes
        return [key for key in keys if key.name in attributes or key.place != "span"]

    def first(self, keys: Keys) -> Value:
        """The first value that says something, or None."""
        for key in self.present(keys):
            value = self.get(key)
            if value is not None and says_something(value):
                return value
        return None

    def get(self, key: Key) -> Value:
        """The value of one key, or None when it is absent or belongs to spans of another kind."""
        if key.kind and key.kind != self.kind:
            return None
        if key.place == "span":
            value = self.attributes.get(key.name)
        elif key.place == "resource":
            value = self.resource.get(key.name)
        elif key.place == "title":
            return self.name
        else:
            return self._folded(key.name)
        if key.path and value is not None:
            return descend(self.json(key.name, value), key.path)
        return value

    def json(self, name: str, value: Value) -> Value:
        """The parsed JSON of an attribute, parsed once."""
        if name not in self._json:
            self._json[name] = parsed(value)
        return self._json[name]

    def text(self, keys: Keys) -> str:
        """The first value that says something, as one line of text; of a list its first element."""
        for key in self.present(keys):
            value = self.get(key)
            if value is not None and says_something(value):
                found = plain(value)
                if says_something(found):
                    return found
        return ""

    def _folded(self, prefix: str) -> Value:
        names = [name for name in self.attributes if name.startswith(prefix)]
        if not names or not any(name[len(prefix) : len(prefix) + 1].isdigit() for name in names):
            return None
        return fold((name[len(prefix) :], self.attributes[name]) for name in names)


def plain(value: Value) -> str:
    """A value as text: the first of a list, JSON-quoted text without its quotes, numbers as JSON has them."""
    if isinstance(value, list):
        value = next((one for one in value if says_something(one)), "")
    if isinstance(value, str):
        if len(value) > 1 and value[0] == '"' and value[-1] == '"':
            inner = parsed(value)
            return inner if isinstance(inner, str) else value
        return value
    if value is None:
        return ""
    return orjson.dumps(value, default=str).decode()


def descend(value: Value, path: tuple[str, ...]) -> Value:
    """The member of nested objects and lists, or None. A key that itself contains dots is met too."""
    for step, name in enumerate(path):
        if isinstance(value, dict):
            joined = ".".join(path[step:])
            if joined in value:
                return value[joined]
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def fold(pairs: Iterator[tuple[str, Value]]) -> Value:
    """Flattened attributes ("0.message.role", ...) back into lists and objects; gaps between indexes close up.

    Raises Refused for names of more parts than attributes may nest.
    """
    tree: dict[str, Any] = {}
    for path, value in pairs:
        node = tree
        parts = path.split(".")
        if len(parts) > MAX_DEPTH:
            raise Refused(f"attributes nested deeper than {MAX_DEPTH}")
        for part in parts[:-1]:
            inner = node.get(part)
            if not isinstance(inner, dict):
                inner = node[part] = {}
            node = inner
        node[parts[-1]] = value
    return _lists(tree)


def _lists(node: Any) -> Value:
    if not isinstance(node, dict):
        return node  # type: ignore[no-any-return]  # a leaf of the tree is a Value
    numbered = [int(name) for name in node if name.isdigit() and len(name) < 6]
    if numbered and len(numbered) == len(node):
        return [_lists(node[str(number)]) for number in sorted(numbered) if str(number) in node]
    return {name: _lists(inner) for name, inner in node.items()}
