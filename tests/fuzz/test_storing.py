"""Whatever the values are, a request that is well-formed is stored or refused with a reason: it is never our fault."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.models import Log, Point, Span, Trace
from metrics.selectors import details
from metrics.selectors import spans as spans_of
from tests.fuzz import documents
from tests.metrics.ingest.conftest import Sender
from tests.metrics.ingest.test_counting import figures, rebuilt

# One sender for all examples: what they leave behind is what a server has that has been attacked for a while.
STORED = {"traces": Span.objects.all(), "logs": Log.objects.all(), "metrics": Point.objects.all()}
SHARED = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def post(sender: Sender, signal: str, document: dict[str, Any], *, json: bool) -> int:
    if json:
        body, kind = documents.as_json(document), "application/json"
    else:
        body, kind = documents.as_protobuf(signal, document), "application/x-protobuf"
    return sender.post(f"/v1/{signal}", body, content_type=kind).status


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
def test_nasty_values_are_stored_or_refused_and_read_again(sender: Sender, signal: str) -> None:
    @SHARED
    @given(documents.requests(signal), st.booleans())
    def attack(document: dict[str, Any], json: bool) -> None:
        assert post(sender, signal, document, json=json) == 200

    attack()
    project_id = sender.project.pk
    assert STORED[signal].filter(project_id=project_id).exists()
    for trace in Trace.objects.filter(project_id=project_id):
        rows = spans_of.of_trace(trace)
        assert len(details.of_spans(trace, rows)) == trace.span_count
    assert figures(project_id) == rebuilt(project_id)
