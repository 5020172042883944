"""What nobody can tell apart any more counts under "other", also after a rebuild."""

from datetime import datetime

import pytest

from metrics.ingest import pipeline, protobuf
from metrics.models import Rollup, Span
from metrics.services import dimensions
from tests.metrics.ingest import payloads
from tests.metrics.ingest.conftest import Sender
from tests.metrics.ingest.test_counting import figures, rebuilt


def test_names_beyond_the_cap_of_a_day_count_as_other(
    sender: Sender, at_recording: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dimensions, "CAP", 5)
    for first in (0, 4, 8):
        spans = [
            payloads.span(number + 1, trace=number + 1, name=f"step {number}") for number in range(first, first + 4)
        ]
        pipeline.store_spans(sender.project.pk, protobuf.spans(payloads.traces(spans)), at_recording)
    rows = dict(Rollup.objects.filter(project_id=sender.project.pk).values_list("name", "span_count"))
    assert sum(rows.values()) == 12
    assert len(rows) == 6
    assert rows["other"] == 12 - 5
    # Spans keep the names that they came with.
    assert Span.objects.filter(project_id=sender.project.pk).values("name").distinct().count() == 12
    assert figures(sender.project.pk) == rebuilt(sender.project.pk)
