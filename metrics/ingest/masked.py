"""Raw rows with what is personal or secret taken out, wherever in them it may be. Pure."""

from dataclasses import replace
from typing import cast

import orjson

from metrics.ingest.masking import Masker
from metrics.ingest.reading import parsed
from metrics.ingest.rows import Attributes, RawEvent, RawLink, RawLog, RawSpan, Source, Value

# How text begins that may be JSON: masked as text, a number in it would leave something that is no JSON any more.
_JSON = '{["'


def span(raw: RawSpan, masker: Masker) -> RawSpan:
    """The span masked, but for its source."""
    return replace(
        raw,
        name=masker.text(raw.name),
        status_message=masker.text(raw.status_message),
        attributes=attributes(raw.attributes, masker),
        events=tuple(
            RawEvent(masker.text(one.name), one.time_ns, attributes(one.attributes, masker)) for one in raw.events
        ),
        links=tuple(RawLink(one.trace_id, one.span_id, attributes(one.attributes, masker)) for one in raw.links),
    )


def log(raw: RawLog, masker: Masker) -> RawLog:
    """The log record masked, but for its source."""
    return raw._replace(
        severity_text=masker.text(raw.severity_text),
        event_name=masker.text(raw.event_name),
        body=attributes({"body": raw.body}, masker)["body"],
        attributes=attributes(raw.attributes, masker),
    )


def source(given: Source, masker: Masker) -> Source:
    """The source masked; the very same one where it holds nothing to mask."""
    said = {"resource": given.resource, "scope": given.scope_attributes}
    if not masker.suspects(orjson.dumps([said, given.scope_name, given.scope_version])):
        return given
    return Source(
        attributes(given.resource, masker),
        masker.text(given.scope_name),
        masker.text(given.scope_version),
        attributes(given.scope_attributes, masker),
    )


def attributes(given: Attributes, masker: Masker) -> dict[str, Value]:
    """Attributes masked, names and values; JSON inside text is masked as what it says, and is text again afterwards."""
    opened: dict[str, Value] = {}
    texts: list[str] = []
    for name, value in given.items():
        opened[name] = value
        if isinstance(value, str) and value and value[0] in _JSON and not isinstance(inner := parsed(value), str):
            opened[name] = inner
            texts.append(name)
    found = cast(dict[str, Value], masker.value(opened))
    for name in texts:
        inner = found.get(name)
        if inner == opened[name]:
            found[name] = given[name]  # as it came, to the last space
        elif isinstance(inner, list | dict):
            found[name] = orjson.dumps(inner).decode()
    return found
