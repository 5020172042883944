"""Reading attributes by ordered keys: JSON inside text is parsed at most once, and what says nothing is passed over."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from metrics.ingest.limits import MAX_DEPTH, Refused, text
from metrics.ingest.plans import Entries
from metrics.ingest.rows import Attributes, Value
from metrics.ingest.semconv import Key

SCRUBBED = re.compile(r"^\[Scrubbed due to .*\]$", re.DOTALL)
MAX_PARSED_CHARS = 4 * 1024 * 1024
# Ten times the largest context that any model takes today.
MOST_TOKENS = 100_000_000
# How texts begin that may be something else: a placeholder, or JSON.
_NOT_PLAIN = '["'


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
    if type(value) is int and 0 <= value <= MOST_TOKENS:
        return value
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
    """The attributes of one span, with its resource and name, read by the entries of its plan."""

    __slots__ = ("_json", "attributes", "flat", "name", "resource")

    def __init__(
        self, attributes: Attributes, resource: Attributes, name: str, flat: Mapping[str, Sequence[str]]
    ) -> None:
        self.attributes = attributes
        self.resource = resource
        self.name = name
        self.flat = flat
        self._json: dict[str, Value] = {}

    def get(self, key: Key) -> Value:
        """The value of one key, or None."""
        place = key.place
        if place == "span":
            value = self.attributes.get(key.name)
        elif place == "resource":
            value = self.resource.get(key.name)
        elif place == "title":
            return self.name
        else:
            value = self._folded(key.name)
            return descend(value, key.path) if key.path else value
        if key.path and value is not None:
            return descend(self.json(key.name, value), key.path)
        return value

    def first(self, entries: Entries) -> Value:
        """The first value that says something, or None."""
        for name, key in entries:
            value = self.attributes[name] if name else self.get(key)
            if value is not None and says_something(value):
                return value
        return None

    def text(self, entries: Entries) -> str:
        """The first value that says something, as one line of text; of a list its first element."""
        for name, key in entries:
            value = self.attributes[name] if name else self.get(key)
            if value is not None and says_something(value):
                found = plain(value)
                if says_something(found):
                    return found
        return ""

    def fill(self, found: dict[str, str], texts: Iterable[tuple[str, int, Entries]]) -> None:
        """Puts the text of every field into `found`, cut to its size, as `text` reads it."""
        attributes = self.attributes
        for field, limit, entries in texts:
            for name, key in entries:
                value = attributes[name] if name else self.get(key)
                # The plain text that nearly every value is, before everything else that it could be.
                if type(value) is not str or not value or value[0] in _NOT_PLAIN:
                    if value is None or not says_something(value):
                        continue
                    value = plain(value)
                    if not says_something(value):
                        continue
                found[field] = value if len(value) * 4 <= limit and "\x00" not in value else text(value, limit)
                break

    def json(self, name: str, value: Value) -> Value:
        """The parsed JSON of an attribute, parsed once."""
        if name not in self._json:
            self._json[name] = parsed(value)
        return self._json[name]

    def _folded(self, prefix: str) -> Value:
        if prefix not in self._json:
            attributes = self.attributes
            self._json[prefix] = fold((name[len(prefix) :], attributes[name]) for name in self.flat[prefix])
        return self._json[prefix]


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
    numbered = {int(name): name for name in node if name.isascii() and name.isdigit() and len(name) < 6}
    if numbered and len(numbered) == len(node):
        return [_lists(node[numbered[number]]) for number in sorted(numbered)]
    return {name: _lists(inner) for name, inner in node.items()}
