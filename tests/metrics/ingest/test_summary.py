"""The summary of a trace says the same whatever order its spans arrive in, and stays small."""

import itertools
from collections.abc import Callable
from datetime import datetime
from typing import Any

from metrics.models import Trace
from tests.metrics.ingest import payloads
from tests.metrics.ingest.conftest import Sender
from tests.metrics.ingest.payloads import NOW_NS, span
from tests.metrics.ingest.test_counting import figures, rebuilt, without_project

SECOND = 10**9


def said(**more: str) -> dict[str, Any]:
    return {f"langfuse__trace__metadata__{key}": value for key, value in more.items()}


# Two roots, children that contradict them and each other, one child before its root.
CONTRADICTIONS = [
    span(1, name="first root", start_ns=NOW_NS, session__id="root", **said(a="root 1")),
    span(2, name="second root", start_ns=NOW_NS + SECOND, session__id="other", **said(a="root 2", b="root 2")),
    span(3, parent=1, start_ns=NOW_NS - SECOND, session__id="child", user__id="early", **said(b="early", c="early")),
    span(4, parent=1, start_ns=NOW_NS + 2 * SECOND, session__id="late", user__id="late", **said(c="late", d="late")),
]


def summary(sender: Sender) -> tuple[Any, ...]:
    trace = Trace.objects.get(project_id=sender.project.pk)
    return trace.root_name, trace.session_id, trace.user_id, trace.metadata


def test_the_first_root_names_the_trace_whatever_arrives_first(
    new_sender: Callable[..., Sender], at_recording: datetime
) -> None:
    states = []
    for position, order in enumerate(itertools.permutations(CONTRADICTIONS)):
        sender = new_sender(f"order-{position}")
        # One by one, in halves, and all at once.
        for size in range(0, 4, (1, 2, 4)[position % 3]):
            batch = order[size : size + (1, 2, 4)[position % 3]]
            assert sender.post("/v1/traces", payloads.traces(batch)).status == 200
        metadata = {"a": "root 1", "b": "root 2", "c": "early", "d": "late"}
        assert summary(sender) == ("first root", "root", "early", metadata)
        states.append(without_project(figures(sender.project.pk)))
        assert without_project(rebuilt(sender.project.pk)) == states[0]
    assert all(state == states[0] for state in states)


def test_spans_without_a_root_are_named_after_the_first_of_them(sender: Sender) -> None:
    spans = [span(number, parent=9, name=f"span {number}", start_ns=NOW_NS) for number in (2, 1, 3)]
    for one in spans:
        sender.post("/v1/traces", payloads.traces([one]))
    assert summary(sender)[0] == "span 1"


def test_a_batch_of_much_metadata_leaves_a_small_summary(sender: Sender) -> None:
    spans = [span(number, **said(**{f"k{number}_{key}": "x" * 900 for key in range(20)})) for number in range(1, 11)]
    assert sender.post("/v1/traces", payloads.traces(spans)).body == b""
    metadata = summary(sender)[3]
    assert 30 < len(metadata) < 40
    assert all(key.startswith(("k1_", "k2_")) for key in metadata)
