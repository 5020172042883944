"""Points through the API: rates, sums, levels and quantiles of what was sent."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Project
from metrics.ingest import pipeline
from metrics.ingest.rows import Batch, RawPoint, Source
from metrics.selectors import catalogue, points
from tests.metrics.sending import NOW, NS, ns

Ask = Callable[..., Any]
RANGE = {"from": "2026-03-02T11:50:00Z", "to": "2026-03-02T12:00:00Z", "step": "60"}


def point(name: str, ago: float, value: float | None = None, **rest: Any) -> RawPoint:
    resource = {"service.name": rest.pop("service", "shop")}
    given: dict[str, Any] = {
        "unit": "1", "kind": "gauge", "temporality": "", "monotonic": False, "start_ns": 0, "count": None,
        "total": None, "minimum": None, "maximum": None, "buckets": None, "attributes": {},
    } | rest  # fmt: skip
    return RawPoint(name=name, time_ns=at(ago), value=value, source=Source(resource=resource), **given)


def at(ago: float) -> int:
    """Nanoseconds so many seconds before noon, which is where the range ends."""
    return ns(NOW - timedelta(seconds=30 + ago))


def send(project: Project, *sent: RawPoint) -> None:
    outcome = pipeline.store_points(project.pk, Batch(rows=list(sent)), NOW)
    assert outcome.refused == 0, outcome.reason


COUNTER: dict[str, Any] = {"kind": "sum", "temporality": "cumulative", "monotonic": True}
DELTA: dict[str, Any] = {"kind": "sum", "temporality": "delta", "monotonic": True}


def lines(answer: Any) -> dict[str, list[float | None]]:
    assert answer.status_code == 200, answer.content
    return {",".join(one["labels"].values()): [value for _, value in one["points"]] for one in answer.json()["series"]}


def total(answer: Any) -> dict[str, float]:
    return {name: round(sum(value or 0 for value in values), 6) for name, values in lines(answer).items()}


def test_a_gauge_has_levels_over_all_series_or_by_attribute(project: Project, ask: Ask) -> None:
    send(
        project,
        *(point("queue.depth", 90 + 10 * n, 1.0 + n, attributes={"pod": "a"}) for n in range(3)),
        point("queue.depth", 90, 11.0, attributes={"pod": "b"}),
        point("queue.depth", 30, 5.0, attributes={"pod": "b"}, service="other"),
    )
    asked = {"name": "queue.depth", **RANGE}
    assert lines(ask("points", **asked))[""][8:] == [4.25, 5.0]
    assert lines(ask("points", agg="min", **asked))[""][8:] == [1.0, 5.0]
    assert lines(ask("points", agg="max", **asked))[""][8:] == [11.0, 5.0]
    assert lines(ask("points", agg="last", **asked))[""][8:] == [6.0, 5.0]
    # The last values of pod a and of pod b together.
    assert lines(ask("points", agg="sum", **asked))[""][8:] == [12.0, 5.0]
    assert lines(ask("points", group_by="pod", **asked)) == {
        "a": [None] * 8 + [2.0, None],
        "b": [None] * 8 + [11.0, 5.0],
    }
    assert lines(ask("points", where="pod=a", **asked))[""][8] == 2.0
    assert lines(ask("points", group_by="service", where=["pod=b"], **asked)) == {
        "shop": [None] * 8 + [11.0, None], "other": [None] * 9 + [5.0],
    }  # fmt: skip


def test_delta_sums_add_up_where_they_were_sent(project: Project, ask: Ask) -> None:
    """As Claude Code sends its tokens."""
    for kind, value in (("input", 100.0), ("output", 7.0)):
        send(
            project,
            *(
                point(
                    "claude_code.token.usage", 90 + 60 * n, value, attributes={"type": kind, "session.id": n}, **DELTA
                )
                for n in range(3)
            ),
        )
    asked = {"name": "claude_code.token.usage", **RANGE}
    assert total(ask("points", agg="sum", group_by="type", **asked)) == {"input": 300.0, "output": 21.0}
    assert lines(ask("points", **asked))[""][8] == pytest.approx(107 / 60)
    assert ask("points", **asked).json()["unit"] == "1/s"


def test_cumulative_sums_count_through_restarts_gaps_and_from_before_the_range(project: Project, ask: Ask) -> None:
    born, reborn = at(3_000), at(240)
    values = [(660, 50.0, born), (540, 60.0, born), (300, 90.0, born), (180, 5.0, reborn), (60, 8.0, reborn)]
    send(project, *(point("requests", ago, value, start_ns=start, **COUNTER) for ago, value, start in values))
    answer = ask("points", name="requests", agg="sum", **RANGE)
    # 10 between 11:49 and 11:51, of which half lie in the range; 30; 5 after the restart; 3.
    assert total(answer) == {"": 5 + 30 + 5 + 3}
    # The 30 between 11:51 and 11:55, evenly.
    assert lines(answer)[""][1:5] == [7.5] * 4


def test_a_first_point_counts_from_its_start_but_only_what_lies_in_the_range(project: Project, ask: Ask) -> None:
    send(project, point("requests", 300, 600.0, start_ns=at(900), **COUNTER))
    assert total(ask("points", name="requests", agg="sum", **RANGE)) == {"": 300.0}


def test_a_level_that_is_sent_as_a_sum_adds_up_over_series(project: Project, ask: Ask) -> None:
    level: dict[str, Any] = {"kind": "sum", "temporality": "cumulative", "monotonic": False}
    send(project, *(point("open", 90, 3.0, attributes={"pod": pod}, **level) for pod in "ab"))
    assert lines(ask("points", name="open", **RANGE))[""][8] == 6.0
    send(
        project,
        *(point("open", 30, value, attributes={"pod": pod}, **level) for pod, value in (("a", 1.0), ("b", 4.0))),
    )
    # 3 to 1 and 3 to 4, between 11:58 and 11:59.
    assert total(ask("points", name="open", agg="sum", **RANGE)) == {"": -1.0}


def histogram(ago: float, counts: list[int], bounds: list[float], **rest: Any) -> RawPoint:
    given: dict[str, Any] = {
        "kind": "histogram",
        "temporality": "delta",
        "count": sum(counts),
        "total": 10.0 * sum(counts),
        "buckets": {"bounds": bounds, "counts": counts},
        **rest,
    }
    return point(given.pop("name", "op.duration"), ago, **given)


def test_histograms_merge_over_series_and_answer_quantiles_rates_and_means(project: Project, ask: Ask) -> None:
    send(
        project,
        histogram(90, [0, 10, 0], [10, 20], attributes={"m": "x"}),
        histogram(90, [0, 0, 10, 0], [10, 20, 40], attributes={"m": "y"}),
        histogram(30, [4, 0, 0], [10, 20], attributes={"m": "x"}),
    )
    asked = {"name": "op.duration", **RANGE}
    answer = ask("points", agg="p50", **asked)
    assert lines(answer)[""][8:] == [20.0, 5.0]
    assert "differ" in answer.json()["notes"][0]
    assert lines(ask("points", agg="p50", group_by="m", **asked))["y"][8] == 30.0
    assert total(ask("points", agg="count", **asked)) == {"": 24.0}
    assert total(ask("points", agg="sum", **asked)) == {"": 240.0}
    assert lines(ask("points", agg="avg", **asked))[""][8] == 10.0
    assert lines(ask("points", agg="rate", **asked))[""][8] == pytest.approx(20 / 60)


def test_cumulative_histograms_are_compared_with_the_point_before(project: Project, ask: Ask) -> None:
    born = at(3_600)
    for ago, counts in ((630, [5, 5, 0]), (90, [5, 9, 0]), (30, [0, 2, 0])):
        start = born if ago > 60 else at(60)
        send(project, histogram(ago, counts, [10, 20], temporality="cumulative", start_ns=start))
    assert lines(ask("points", name="op.duration", agg="p50", **RANGE))[""][9] == 15.0
    assert total(ask("points", name="op.duration", agg="count", **RANGE))[""] == pytest.approx(4 * 510 / 540 + 2)


@pytest.mark.parametrize("temporality", ["delta", "cumulative"])
def test_quantiles_stay_between_the_least_and_the_largest_value_that_senders_report(
    temporality: str, project: Project, ask: Ask
) -> None:
    rest: dict[str, Any] = {"temporality": temporality, "start_ns": at(120)}
    send(
        project,
        histogram(90, [0, 4, 0], [100, 240], minimum=105.0, maximum=120.0, attributes={"m": "x"}, **rest),
        histogram(90, [0, 4, 0], [100, 240], minimum=110.0, maximum=130.0, attributes={"m": "y"}, **rest),
        histogram(90, [0, 4, 0], [100, 240], attributes={"m": "unsaid"}, **rest),
    )
    asked = {"name": "op.duration", **RANGE}

    def p95(**chosen: str) -> float | None:
        return lines(ask("points", agg="p95", **chosen, **asked))[""][8]

    assert p95(where="m=x") == 120.0
    assert p95(where="m=unsaid") == pytest.approx(233.0)
    assert p95() == pytest.approx(233.0), "one sender does not say"
    each = lines(ask("points", agg="p95", group_by="m", **asked))
    assert (each["x"][8], each["y"][8]) == (120.0, 130.0)


def test_exponential_histograms_of_two_scales_merge(project: Project, ask: Ask) -> None:
    for scale, offset in ((0, 3), (1, 6)):
        buckets = {
            "scale": scale, "zero_count": 0, "zero_threshold": 0.0, "positive": {"offset": offset, "counts": [4]},
            "negative": {"offset": 0, "counts": []},
        }  # fmt: skip
        send(
            project,
            point("gen", 90, kind="exponential_histogram", temporality="delta", count=4, total=40.0, buckets=buckets,
                  attributes={"s": scale}),
        )  # fmt: skip
    # Both are in (8, 16]; the middle of it, exponentially, is 8 * sqrt(2).
    assert lines(ask("points", name="gen", agg="p50", **RANGE))[""][8] == pytest.approx(8 * 2**0.5)


def test_summaries_show_the_quantiles_that_were_sent_and_are_never_merged(project: Project, ask: Ask) -> None:
    for pod in "ab":
        send(
            project,
            point("rpc", 90, kind="summary", count=10, total=5.0, buckets={"quantiles": [[0.5, 1.0], [0.99, 4.0]]},
                  attributes={"pod": pod}, start_ns=at(120)),
        )  # fmt: skip
    found = lines(ask("points", name="rpc", where="pod=a", **RANGE))
    assert {name: values[8] for name, values in found.items()} == {"0.5": 1.0, "0.99": 4.0}
    answer = ask("points", name="rpc", **RANGE)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "group_by")
    assert total(ask("points", name="rpc", agg="count", **RANGE)) == {"": 20.0}


def test_histograms_without_a_shared_bound_are_refused_for_quantiles(project: Project, ask: Ask) -> None:
    send(project, histogram(90, [1, 1], [10]), histogram(90, [1, 1], [11], attributes={"k": "v"}))
    answer = ask("points", name="op.duration", **RANGE)
    assert answer.status_code == 422
    assert "in common" in answer.json()["errors"][0]["message"]
    assert ask("points", name="op.duration", agg="rate", **RANGE).status_code == 200


def test_too_many_points_are_refused_with_a_hint(project: Project, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    send(project, *(point("g", 60 + n, 1.0) for n in range(10)))
    send(project, *(point("c", 60 + n, 1.0, **COUNTER) for n in range(10)))
    for name in ("MOST_ADDED", "MOST_COMPARED"):
        monkeypatch.setattr(points, name, 9)
    for metric in ("g", "c"):
        answer = ask("points", name=metric, **RANGE)
        assert answer.status_code == 422
        assert "shorter range" in answer.json()["errors"][0]["message"]
    monkeypatch.setattr(points, "MOST_ADDED", 10)
    assert ask("points", name="g", **RANGE).status_code == 200


def test_series_and_lines_beyond_what_is_read_are_counted(
    project: Project, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(project, *(point("g", 60, 1.0 + n, attributes={"n": n}) for n in range(6)))
    monkeypatch.setattr(points, "MOST_GROUPS", 2)
    answer = ask("points", name="g", group_by="n", **RANGE).json()
    assert ([one["labels"]["n"] for one in answer["series"]], answer["omitted_series"]) == (["5", "4"], 4)
    monkeypatch.setattr(catalogue, "MOST_SERIES", 4)
    assert ask("points", name="g", **RANGE).json()["unread_series"] == 1


def test_the_list_names_kind_unit_and_what_can_be_asked(project: Project, ask: Ask) -> None:
    send(project, point("a.b", 60, 1.0), *(point("c", 60, 1.0, attributes={"n": n}, **DELTA) for n in range(3)))
    first = ask("metrics", limit=1).json()
    assert [one["name"] for one in first["results"]] == ["a.b"]
    cursor = first["next"].partition("cursor=")[2].partition("&")[0]
    (second,) = ask("metrics", limit=1, cursor=cursor).json()["results"]
    assert (second["name"], second["kind"], second["series"], second["aggregations"]) == (
        "c", "sum", 3, ["rate", "sum"],
    )  # fmt: skip
    assert [one["name"] for one in ask("metrics", q="A.").json()["results"]] == ["a.b"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "name"), ({"name": "g", "agg": "p95"}, "agg"), ({"name": "g", "where": "x"}, "where"),
        ({"name": "g", "group_by": "a,b,c,d,e"}, "group_by"), ({"name": "g", "step": "1s"}, "step"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_names_its_parameter(
    project: Project, query: dict[str, str], field: str, ask: Ask
) -> None:
    send(project, point("g", 60, 1.0))
    answer = ask("points", **query)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_metrics_of_other_projects_do_not_exist(other_project: Project, ask: Ask) -> None:
    send(other_project, point("theirs", 60, 1.0))
    assert ask("points", name="theirs", **RANGE).status_code == 404
    assert ask("metrics").json()["results"] == []


def test_a_question_takes_the_same_queries_whatever_the_number_of_series(project: Project, ask: Ask) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert ask("points", name="g", group_by="n", **RANGE).status_code == 200
        return len(captured)

    send(project, point("g", 60, 1.0))
    queries()
    before = queries()
    send(project, *(point("g", 60, 1.0 * NS, attributes={"n": n}) for n in range(30)))
    assert queries() == before
