"""What a list of traces is narrowed to and sorted by. Pure."""

from dataclasses import dataclass, field, fields

from metrics.search_query import Search

STATUSES = ("ok", "error", "waiting")
# What can be sorted by. By text, traces of one text are in the order of their starts, and those without are left out.
TEXT_SORTS = ("name", "user", "session")
SORTS = ("start", "duration", "cost", "tokens", "errors", "spans", *TEXT_SORTS)
ORDERS = ("desc", "asc")


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """Empty values do not narrow; bounds are inclusive. Costs in nano-USD, times and durations in nanoseconds.

    `name` is how the name of the root begins, in any case. `errors` keeps traces in which any span failed.
    """

    status: str = ""
    agent: str = ""
    model: str = ""
    session: str = ""
    user: str = ""
    environment: str = ""
    tag: str = ""
    team: str = ""
    version: str = ""
    prompt: str = ""
    flag: str = ""
    name: str = ""
    error_type: str = ""
    trace_id: str = ""
    errors: bool = False
    min_cost_nanos: int = 0
    max_cost_nanos: int | None = None
    min_duration_ns: int = 0
    max_duration_ns: int | None = None
    min_tokens: int = 0
    max_tokens: int | None = None
    min_spans: int = 0
    max_spans: int | None = None
    min_errors: int = 0
    max_errors: int | None = None
    search: Search = field(default_factory=Search)
    start_ns: int | None = None
    end_ns: int | None = None

    @property
    def narrows(self) -> bool:
        """Whether anything but the time is filtered."""
        empty = TraceFilter()
        names = (item.name for item in fields(self) if item.name not in {"start_ns", "end_ns"})
        return any(getattr(self, name) != getattr(empty, name) for name in names)

    @property
    def only_failed(self) -> bool:
        """Whether no trace without an error can pass."""
        return self.errors or self.min_errors > 0 or bool(self.error_type) or self.status == "error"


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted; ties are broken by the trace id in the same direction."""

    sort: str = "start"
    ascending: bool = False

    @property
    def key(self) -> str:
        """What cursors of this order are bound to."""
        return f"{self.sort}:asc" if self.ascending else self.sort
