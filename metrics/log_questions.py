"""What a URL asks of the log records. Pages and the API share it; raises ParameterError naming the parameter."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from metrics.parameters import LONGEST_VALUE, one_of, text
from metrics.ranges import ParameterError
from metrics.selectors.logs import SEVERITIES, LogFilter
from metrics.times import to_ns

MOST_ATTRIBUTES = 5
MOST_WORDS = 10
HEX = re.compile(r"[0-9a-fA-F]+")


def log_filter(
    parameters: Mapping[str, str],
    *,
    attributes: Sequence[str] = (),
    start: datetime | None = None,
    end: datetime | None = None,
) -> LogFilter:
    """The filter of a log list: severity (its least), service, environment, event, trace_id, span_id, q (words).

    `attributes` are the values of the repeatable parameter `attribute`, each "key=value".
    """
    words = tuple(text(parameters, ("q",)).split())
    if len(words) > MOST_WORDS:
        raise ParameterError("q", f"q must be at most {MOST_WORDS} words.")
    severity = one_of(parameters, "severity", tuple(SEVERITIES), default="")
    return LogFilter(
        severity=SEVERITIES[severity] if severity else 0,
        service=text(parameters, ("service",)),
        environment=text(parameters, ("environment",)),
        event=text(parameters, ("event",)),
        trace_id=_id(parameters, "trace_id", 16),
        span_id=_id(parameters, "span_id", 8),
        attributes=pairs("attribute", attributes),
        words=words,
        start_ns=to_ns(start) if start else None,
        end_ns=to_ns(end) if end else None,
    )


def pairs(name: str, given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The values of a repeatable parameter, each "key=value", as pairs; empty ones are passed over."""
    found = []
    for one in given:
        if not one.strip():
            continue
        key, equals, value = one.partition("=")
        if not equals or not key.strip() or len(one) > LONGEST_VALUE or "\x00" in one:
            raise ParameterError(name, f"{name} must be key=value, at most {LONGEST_VALUE} characters.")
        found.append((key.strip(), value.strip()))
    if len(found) > MOST_ATTRIBUTES:
        raise ParameterError(name, f"{name} may be given {MOST_ATTRIBUTES} times.")
    return tuple(found)


def _id(parameters: Mapping[str, str], name: str, size: int) -> bytes | None:
    given = parameters.get(name, "").strip()
    if not given:
        return None
    if not HEX.fullmatch(given) or len(given) != 2 * size:
        raise ParameterError(name, f"{name} must be {2 * size} hex digits.")
    return bytes.fromhex(given)
