"""What is asked of the trace list in `bench.trace_list`. Django must be set up before this is imported.

Every sort, with filters that keep nearly everything, much, little and next to nothing, over an hour, a day, a month
and everything, the first page and the thousandth (or the last one). Each question is asked twice and the second answer
counts: pages are opened more than once.
"""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.db import connection

from bench.trace_history import END_NS
from metrics.questions import trace_filter
from metrics.selectors import search, trace_scan, traces
from metrics.trace_filter import SORTS, Order, TraceFilter

HOUR_NS = 3_600 * 10**9
PAGE = 50
DEEP_PAGE = 1_000
RANGES = {"1 h": HOUR_NS, "24 h": 24 * HOUR_NS, "7 d": 168 * HOUR_NS, "all": None}
FILTERS = {
    "none": TraceFilter(),
    "common agent": TraceFilter(agent="agent-00"),
    "rare agent": TraceFilter(agent="agent-39"),
    "model": TraceFilter(model="gpt-4o"),
    "status error": TraceFilter(status="error"),
    "status waiting": TraceFilter(status="waiting"),
    "has errors": TraceFilter(errors=True),
    "error type": TraceFilter(error_type="BudgetExceeded"),
    "rare tag": TraceFilter(tag="tag-29"),
    "environment": TraceFilter(environment="dev"),
    "old version": TraceFilter(version="2.3"),
    "prompt and team": TraceFilter(prompt="prompt-03", team="support"),
    "agent and error": TraceFilter(agent="agent-20", status="error"),
    "model, prompt, team": TraceFilter(model="gpt-4o-mini", prompt="prompt-03", team="support"),
    "user": TraceFilter(user="user-100"),
    "session": TraceFilter(session="conversation-1000"),
    "name": TraceFilter(name="invoke_agent agent-3"),
    "no such agent": TraceFilter(agent="nobody"),
    "cost at least": TraceFilter(min_cost_nanos=5_000_000),
    "cost at most": TraceFilter(max_cost_nanos=300_000),
    "slow": TraceFilter(min_duration_ns=100 * 10**9),
    "slow and cheap": TraceFilter(min_duration_ns=500 * 10**9, max_cost_nanos=500_000),
    "many tokens, agent": TraceFilter(min_tokens=20_000, agent="agent-05"),
}
SEARCHES = {
    "rare word": "zebra",
    "common word": "refund",
    "middling word": "chargeback",
    "two words": "refund timeout",
    "value": "http.status_code=500",
    "word and agent": "refund agent:agent-05",
    "word and error": "refund status:error",
    "no such word": "nowhere",
}


@dataclass(frozen=True)
class Asked:
    """One question, and the milliseconds that its answer took."""

    milliseconds: float
    words: str


def questions(filters: dict[str, TraceFilter]) -> Iterator[tuple[str, TraceFilter, Order]]:
    """Every filter with every range and every order; two of these also the other way round."""
    orders = [*(Order(sort) for sort in SORTS), Order("start", ascending=True), Order("cost", ascending=True)]
    for (name, chosen), (span, length), order in itertools.product(filters.items(), RANGES.items(), orders):
        bounded = chosen if length is None else replace(chosen, start_ns=END_NS - length, end_ns=END_NS + HOUR_NS)
        yield f"{name}, {span}, by {order.key}", bounded, order


def measure(project_id: int, filters: dict[str, TraceFilter]) -> list[Asked]:
    """Milliseconds of the first page and of a deep one, for every question."""
    found = []
    connection.ensure_connection()
    for words, chosen, order in questions(filters):
        found.append(Asked(_timed(project_id, chosen, order, None), f"{words}, first page"))
        matching = search.matching(project_id, chosen)
        places = trace_scan.first(matching, order, limit=PAGE * (DEEP_PAGE - 1))
        if len(places) > PAGE:
            deep = places[-1] if len(places) == PAGE * (DEEP_PAGE - 1) else places[-PAGE]
            found.append(Asked(_timed(project_id, chosen, order, deep), f"{words}, page {DEEP_PAGE:,}"))
    return found


def _timed(project_id: int, chosen: TraceFilter, order: Order, after: trace_scan.Position | None) -> float:
    took = 0.0
    for _ in range(2):
        began = time.perf_counter()
        traces.page(project_id, chosen, order=order, limit=PAGE, after=after)
        took = (time.perf_counter() - began) * 1_000
    return took


def searches() -> dict[str, TraceFilter]:
    """What is typed into the search box, by name."""
    return {name: trace_filter({"q": text}) for name, text in SEARCHES.items()}
