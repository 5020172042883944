"""The overview page."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta
from html import unescape
from typing import Any

import plotly.graph_objects as go
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Project, User
from metrics import charts
from metrics.models import Heartbeat
from metrics.ranges import preset_range
from metrics.selectors import overview
from metrics.services import search_index
from metrics.tiles import change
from tests.metrics.sending import NOW, Sending

URL = "/p/fleet/"


def figures(html: str) -> dict[str, Any]:
    found = re.findall(r'id="(chart-\w+)" data-chart.*?<script type="application/json">(.*?)</script>', html, re.S)
    return {name: json.loads(text) for name, text in found}


def test_a_project_without_spans_says_how_to_send_them(page: Client) -> None:
    html = page.get(URL).content.decode()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in html
    assert 'hx-trigger="live:metrics from:body"' in html
    assert "data-chart" not in html


def test_tiles_show_what_happened(page: Client, sending: Sending) -> None:
    root = sending.agent(seconds=2)
    sending.send([root, sending.call(root, tokens=(1_000_000, 0))])
    sending.send([sending.agent(error="GaveUp", ago=90)])
    html = page.get(URL).content.decode()
    found = re.findall(r'id="tile-(\w+)".*?<span class="tile-value">(.*?)</span>', html, re.S)
    tiles = {name: re.sub(r"<[^>]+>|\s+", " ", text) for name, text in found}
    assert "50%" in tiles["errors"]
    assert "$0.1500" in tiles["cost"]
    assert tiles["agents"].strip() == "1"
    assert "GaveUp" in html


def test_what_is_unpriced_is_not_shown_as_free(page: Client, sending: Sending) -> None:
    root = sending.agent()
    sending.send([root, sending.call(root, model="nobody-knows-it")])
    html = page.get(URL).content.decode()
    tile = html[html.index('id="tile-cost"') :]
    assert re.search(r'<span class="tile-value">\s*–', tile)
    row = html[html.index('id="card-agents"') :]
    assert "unpriced" in row[: row.index("</table>")]
    trace = f"traces/{root.trace_id.hex()}/"
    for path in ("traces/", trace, f"{trace}mini/", "agents/"):
        assert ">unpriced</span>" in page.get(f"{URL}{path}").content.decode(), path


def test_steps_and_errors_lead_to_the_traces_behind_them(page: Client, sending: Sending) -> None:
    root = sending.agent()
    tool = sending.span("execute_tool search", trace=root.trace_id, parent=root.span_id, error="ToolError")
    sending.send([root, tool])
    search_index.run(now=NOW + timedelta(seconds=5))
    html = page.get(f"{URL}?range=24h").content.decode()
    for card in ("card-steps", "card-errors"):
        part = html[html.index(f'id="{card}"') :]
        (link,) = re.findall(r'class="row-link truncate" href="([^"]+)"', part[: part.index("</table>")])
        shown = page.get(unescape(link)).content.decode()
        assert f'id="trace-{root.trace_id.hex()}"' in shown, link
    assert "error_type=ToolError" in html
    assert f"/{root.trace_id.hex()}/?span={tool.span_id.hex()}" in html, "the last one can still be opened"


def test_a_step_that_no_search_can_name_has_no_link(page: Client, sending: Sending) -> None:
    root = sending.agent()
    sending.send(
        [root, *(sending.span(name, trace=root.trace_id, parent=root.span_id) for name in ('say "x"', "other"))]
    )
    html = page.get(URL).content.decode()
    part = html[html.index('id="card-steps"') :]
    assert "row-link" not in part[: part.index("</table>")]


def test_quiet_ranges_say_when_something_last_happened(page: Client, sending: Sending) -> None:
    sending.send([sending.agent(ago=3 * 3600)])
    html = page.get(URL).content.decode()
    assert "Nothing happened in this time range" in html
    assert "invoke_agent helper" in html


def test_figures_are_valid_plotly_and_carry_no_markup(page: Client, sending: Sending) -> None:
    root = sending.agent("<img src=x>")
    sending.send([root, sending.call(root, model="gpt-4o-mini"), sending.call(root, model='<a href="x">y</a>')])
    html = page.get(f"{URL}?compare=1").content.decode()
    found = figures(html)
    assert set(found) == {"chart-cost", "chart-latency", "chart-volume", "chart-tokens"}
    for figure in found.values():
        # Colours are names of tokens, which only the browser knows.
        text = re.sub(r'"--[a-z0-9-]+"', '"#123456"', json.dumps(figure))
        go.Figure(json.loads(text))
        assert {trace["type"] for trace in figure["data"]} <= {"bar", "scatter"}
        assert not any("<" in trace["name"] for trace in figure["data"])
    assert "<img src=x>" not in html
    assert '<a href="x">y' not in html


def test_bins_that_have_not_begun_are_gaps(db: None, project: Project) -> None:
    window = preset_range("1h", tz=UTC, now=NOW)
    axis = charts.axis(window, UTC)
    early = replace(window, now=window.bins()[10])
    later = charts.Axis(early, axis.bins, axis.labels)
    period = overview.Period.of(early.bin_count)
    period.bins[9].requests = 1
    figure = charts.volume(later, period, None)
    assert figure["data"][0]["y"][8:12] == [0, 1, None, None]


def test_a_range_without_requests_draws_none_of_its_charts(page: Client, sending: Sending) -> None:
    sending.send([sending.agent(ago=3 * 3600)])
    for query in ("range=1h", "range=1h&compare=1"):
        drawn = figures(page.get(f"{URL}?{query}").content.decode())
        values = [value for figure in drawn.values() for trace in figure["data"] for value in trace["y"]]
        assert not any(values), query
        assert drawn["chart-volume"]["data"] == [], query


def test_the_log_axis_of_latency_has_no_zeros_behind_the_point(db: None) -> None:
    at = charts.axis(preset_range("1h", tz=UTC, now=NOW), UTC)
    period = overview.Period.of(at.window.bin_count)
    even: list[float | None] = [1e9, 1e9, 1e9]
    period.latency = [even] * (at.window.bin_count - 1) + [[1e9, 1e9, 100e9]]
    axis = charts.latency(at, period, None)["layout"]["yaxis"]
    assert (axis["type"], axis["tickformat"], axis["ticksuffix"]) == ("log", "~r", " s")


def test_the_cost_tile_says_what_the_change_is_of(page: Client, sending: Sending) -> None:
    for ago, tokens in ((60, 1_000_000), (3 * 86_400, 20_000_000), (8 * 86_400, 1_000_000)):
        root = sending.agent(ago=ago)
        sending.send([root, sending.call(root, tokens=(tokens, 0), ago=ago)])
    html = page.get(f"{URL}?range=7d").content.decode()
    tile = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html[html.index('id="tile-cost"') :].partition("<svg")[2]))
    assert "Cost today $0.1500" in tile
    assert "7 d: $3.15, ×21" in tile


def test_queries_do_not_grow_with_what_there_is_to_show(page: Client, sending: Sending, project: Project) -> None:
    counts = []
    for round_number in (1, 8):
        for index in range(round_number):
            root = sending.agent(f"agent {round_number} {index}")
            sending.send([root, sending.call(root, model=f"m{index}", error=f"Error{index}")])
            Heartbeat.objects.create(project=project, agent=f"agent {round_number} {index}", status="ok", at=NOW)
        page.get(URL)
        with CaptureQueriesContext(connection) as queries:
            page.get(URL)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[1] <= 24


def test_htmx_gets_the_content_alone(page: Client, sending: Sending) -> None:
    sending.send([sending.agent()])
    part = page.get(f"{URL}?range=6h", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div class="stack-lg" id="overview"')
    assert 'hx-get="/p/fleet/?range=6h"' in part


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=whenever", "from must be a time"),
        ("from=9999-12-31T00:00&to=9999-12-31T23:59", "must be in the years 1970 to 2199"),
    ],
)
def test_a_bad_range_is_said_and_the_default_shown(page: Client, sending: Sending, query: str, said: str) -> None:
    sending.send([sending.agent()])
    response = page.get(f"{URL}?{query}")
    assert response.status_code == 200
    assert said in response.content.decode()


def test_strangers_find_no_overview(other_project: Project, page: Client, browser_of: Callable[[User], Client]) -> None:
    assert page.get("/p/strangers/").status_code == 404
    assert Client().get(URL).status_code == 302


def test_changes_read_well() -> None:
    assert [change(12, 10), change(9, 10), change(10, 10), change(150, 10), change(1, 0), change(None, 3)] == [
        "+20%", "−10%", "no change", "×15", "", "",
    ]  # fmt: skip
