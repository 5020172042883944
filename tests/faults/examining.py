"""What a console holds, straight from its database and through its API."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import psycopg
from django.conf import settings

from metrics import histogram
from tests.e2e.running import Console
from tests.faults.exporting import Batch, SpanKey

# Facets remember what a trace once was.
FIGURES = {
    "traces": "SELECT to_jsonb(t) - 'updated_at' - 'facets' FROM metrics_trace t ORDER BY project_id, trace_id",
    "minutes": "SELECT to_jsonb(r) FROM metrics_rollup r WHERE seconds = 60 AND span_count <> 0"
    " ORDER BY (to_jsonb(r) - 'histogram')::text",
    "counted": "SELECT encode(trace_id || span_id, 'hex') FROM metrics_span WHERE usage_counted ORDER BY 1",
}


class Stored:
    """The telemetry of one console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @cached_property
    def url(self) -> str:
        """Where the console's database is; the same after every restart of it."""
        found: dict[str, str] = json.loads((self._console.folder / "servers.json").read_text())
        return found["DATABASE_URL"]

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of a statement; one without rows gives none."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def spans(self) -> Counter[SpanKey]:
        """How often each span is there."""
        return Counter(
            (bytes(trace), bytes(span)) for trace, span in self.query("SELECT trace_id, span_id FROM metrics_span")
        )

    def figures(self) -> dict[str, list[Any]]:
        """Everything derived from spans that a rebuild must give again. Histograms as what they add up to."""
        found = {name: [row[0] for row in self.query(statement)] for name, statement in FIGURES.items()}
        for row in found["minutes"]:
            row["histogram"] = histogram.merge([row["histogram"]])
        return found

    def rebuilt(self) -> dict[str, list[Any]]:
        """The figures as `manage.py rebuild_rollups` leaves them."""
        now = datetime.now(UTC)
        period = ["--from", (now - timedelta(hours=3)).isoformat(), "--to", (now + timedelta(hours=1)).isoformat()]
        hidden = {"DATABASE_URL", "VALKEY_URL"}
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        subprocess.run(
            [sys.executable, "manage.py", "rebuild_rollups", "--project", self._console.project, *period],
            cwd=settings.BASE_DIR,
            env=environment | {"HANDRAIL_DATA": str(self._console.folder)},
            check=True,
            capture_output=True,
        )
        return self.figures()

    def check_spans(self, acknowledged: Iterable[Batch], unanswered: Iterable[Batch] = ()) -> None:
        """Each acknowledged span is there once; of a batch without an answer all spans are, or none."""
        found = self.spans()
        assert set(found.values()) <= {1}
        lost = [key for batch in acknowledged for key in batch.keys if key not in found]
        assert lost == []
        shares = [len(batch.keys & found.keys()) / len(batch.keys) for batch in unanswered]
        assert set(shares) <= {0.0, 1.0}

    def check_figures(self) -> None:
        """Totals are those of the spans: by a rebuild, in trace summaries, and as the API tells them."""
        figures = self.figures()
        ((spans, tokens, cost),) = self.query(
            "SELECT count(*), coalesce(sum(input_tokens) FILTER (WHERE usage_counted), 0)::bigint,"
            " coalesce(sum(cost_nanos) FILTER (WHERE usage_counted), 0)::bigint FROM metrics_span"
        )
        for rows in (figures["traces"], figures["minutes"]):
            sums = [sum(row[name] for row in rows) for name in ("span_count", "input_tokens", "cost_nanos")]
            assert sums == [spans, tokens, cost]
        assert self._told_by_series() == (spans, tokens)
        assert self._told_by_traces() == (len(figures["traces"]), spans)
        assert self.rebuilt() == figures

    def _told_by_series(self) -> tuple[int, int]:
        now = datetime.now(UTC)
        asked = {"from": (now - timedelta(hours=3)).isoformat(), "to": (now + timedelta(hours=1)).isoformat()}
        sums = []
        with self._console.agent() as agent:
            for metric in ("requests", "input_tokens"):
                answer = agent.get("/api/v1/series", params={**asked, "metric": metric, "scope": "span", "step": "1h"})
                assert answer.status_code == 200, answer.text
                (line,) = answer.json()["series"]
                sums.append(sum(value or 0 for _, value in line["points"]))
        return sums[0], sums[1]

    def _told_by_traces(self) -> tuple[int, int]:
        traces = spans = 0
        following = "/api/v1/traces?limit=200"
        with self._console.agent() as agent:
            while following:
                answer = agent.get(following)
                assert answer.status_code == 200, answer.text
                page = answer.json()
                traces += len(page["results"])
                spans += sum(trace["span_count"] for trace in page["results"])
                following = page["next"]
        return traces, spans
