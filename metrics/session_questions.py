"""What a URL asks of the list of sessions. Pages and the API share it; raises ParameterError naming the parameter."""

from collections.abc import Mapping
from datetime import datetime

from metrics.parameters import one_of, text
from metrics.selectors.sessions import SessionFilter
from metrics.times import to_ns
from metrics.trace_filter import STATUSES


def session_filter(
    parameters: Mapping[str, str], *, start: datetime | None = None, end: datetime | None = None
) -> SessionFilter:
    """The filter of a list of sessions: user, agent, environment, status of the last trace, last activity."""
    return SessionFilter(
        user=text(parameters, ("user", "user_id")),
        agent=text(parameters, ("agent",)),
        environment=text(parameters, ("environment",)),
        status=one_of(parameters, "status", STATUSES, default=""),
        start_ns=to_ns(start) if start else None,
        end_ns=to_ns(end) if end else None,
    )
