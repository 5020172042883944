"""How an operation ended: well, with an error and which, or waiting for a person. Pure."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from metrics.ingest.limits import DIMENSION_BYTES, MESSAGE_BYTES, text
from metrics.ingest.reading import plain
from metrics.ingest.rows import Attributes, RawSpan, Value
from metrics.ingest.semconv import (
    ERROR_VALUES,
    EXCEPTION_EVENT,
    HTTP_STATUS,
    LOGFIRE_ERROR,
    LOGFIRE_LEVEL,
    STATED_STATUS,
    WAITING_EXCEPTIONS,
)

FAILED = 2  # OTLP's status code
# What a sentence about an error begins with where its type was given nowhere else: "openai.RateLimitError: 429 ...",
# "GraphInterrupt(...)", or the type alone.
_LEADING_TYPE = re.compile(
    r"\s*([A-Za-z_][\w.]{0,110}(?:Error|Exception|Fault|Failure|Timeout|Interrupt|Warning|Exit|Cancelled)"
    rf"|[\w.]{{0,110}}(?:{'|'.join(sorted(WAITING_EXCEPTIONS))}))(?=[:(\s]|$)"
)


class Outcome(NamedTuple):
    """`status` is ok, error or waiting; type and message are empty unless it is an error that says them."""

    status: str
    error_type: str = ""
    error_message: str = ""


OK = Outcome("ok")
WAITING = Outcome("waiting")


def of_span(raw: RawSpan, stated_type: str, stated_message: str) -> Outcome:
    """The outcome of a span; what is stated are its attributes of an error's type and message.

    An exception that means "wait for a person" is no error, whatever the status of the span says. An exception that
    was recorded in a span whose status is not an error was handled.
    """
    exception = next((event.attributes for event in reversed(raw.events) if event.name == EXCEPTION_EVENT), _NOTHING)
    kind = short_type(stated_type or plain(exception.get("exception.type")))
    if kind in WAITING_EXCEPTIONS or raw.attributes.get(STATED_STATUS) == "waiting":
        return WAITING
    if not _failed(raw):
        return OK
    # The status text of some SDKs is the whole traceback; the exception's own message is the sentence to show.
    message = plain(exception.get("exception.message")) or stated_message or raw.status_message
    kind = kind or _leading_type(raw.status_message) or _leading_type(message) or _http_status(raw.attributes)
    if kind in WAITING_EXCEPTIONS:
        return WAITING
    return Outcome("error", text(kind, DIMENSION_BYTES), text(message, MESSAGE_BYTES))


_NOTHING: Mapping[str, Value] = {}


def _failed(raw: RawSpan) -> bool:
    if raw.status_code == FAILED:
        return True
    if any(plain(raw.attributes.get(key)).lower() in values for key, values in ERROR_VALUES):
        return True
    level = raw.attributes.get(LOGFIRE_LEVEL)
    return isinstance(level, int) and level >= LOGFIRE_ERROR


def _leading_type(message: str) -> str:
    match = _LEADING_TYPE.match(message)
    return short_type(match.group(1)) if match else ""


def _http_status(attributes: Attributes) -> str:
    return next((found for key in HTTP_STATUS if (found := plain(attributes.get(key)))), "")


def short_type(name: str) -> str:
    """`package.module.TimeoutError` as `TimeoutError`; what is no dotted name stays."""
    last = name.rpartition(".")[2]
    return last if last.isidentifier() and " " not in name else name
