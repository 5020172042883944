"""The series API: exact sums, percentiles within 2 %, aligned steps, named errors."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.services import compaction
from tests.metrics.sending import Sending

Ask = Callable[..., Any]


def values(answer: Any, line: int = 0) -> list[float | None]:
    return [value for _moment, value in answer.json()["series"][line]["points"]]


def test_latency_percentiles_are_within_two_percent_of_exact_ones(sending: Sending, ask: Ask) -> None:
    seconds = np.random.default_rng(7).lognormal(0.5, 1.2, 400)
    sending.send(sending.agent(seconds=float(one), ago=1_800 - index * 4) for index, one in enumerate(seconds))
    for name, share in (("p50", 50), ("p95", 95), ("p99", 99)):
        answer = ask("series", metric="latency_ms", agg=name, step="1d", **{"from": "2026-03-02", "to": "2026-03-03"})
        exact = float(np.percentile(seconds, share, method="inverted_cdf")) * 1_000
        assert values(answer)[0] == pytest.approx(exact, rel=0.02)


def test_requests_and_errors_follow_the_scope(sending: Sending, ask: Ask) -> None:
    root = sending.agent(error="GaveUp")
    sending.send([root, sending.call(root), sending.call(root, error="RateLimitError")])

    def total(metric: str, scope: str) -> float:
        return sum(value or 0 for value in values(ask("series", metric=metric, scope=scope)))

    assert [total("requests", scope) for scope in ("request", "model", "tool", "span")] == [1, 2, 0, 3]
    assert [total("errors", scope) for scope in ("request", "model", "tool", "span")] == [1, 1, 0, 2]


def test_tokens_and_cost_count_each_usage_once_whatever_the_scope(sending: Sending, ask: Ask) -> None:
    root = sending.agent(attributes={"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100})
    sending.send([root, sending.call(root)])
    for scope in ("request", "model", "tool", "span"):
        assert sum(value or 0 for value in values(ask("series", metric="input_tokens", scope=scope))) == 1000
        cost = sum(value or 0 for value in values(ask("series", metric="cost_usd", scope=scope)))
        assert cost == pytest.approx(1000 * 0.15e-6 + 100 * 0.60e-6)


def test_bins_are_aligned_to_the_step_and_silence_is_zero_or_null(sending: Sending, ask: Ask) -> None:
    sending.send([sending.agent(ago=600, seconds=2.0)])
    window = {"from": "2026-03-02T11:42:10Z", "to": "2026-03-02T12:04:00Z", "step": "5m"}
    answer = ask("series", metric="requests", **window)
    moments = [datetime.fromisoformat(moment) for moment, _value in answer.json()["series"][0]["points"]]
    assert moments[0] == datetime(2026, 3, 2, 11, 40, tzinfo=UTC)
    assert {later - earlier for earlier, later in pairwise(moments)} == {timedelta(minutes=5)}
    assert answer.json()["step_seconds"] == 300
    assert values(answer) == [0, 0, 1, 0, 0]
    assert values(ask("series", metric="latency_ms", agg="p50", **window))[1] is None


def test_a_bin_that_has_not_begun_is_unknown(sending: Sending, ask: Ask) -> None:
    sending.send([sending.agent()])
    answer = ask(
        "series", metric="requests", step="60", **{"from": "2026-03-02T12:00:00Z", "to": "2026-03-02T12:03:00Z"}
    )
    assert values(answer) == [0, None, None]


def test_rate_is_per_second(sending: Sending, ask: Ask) -> None:
    sending.send(sending.agent(ago=90 + index) for index in range(30))
    answer = ask("series", metric="requests", agg="rate", step="1h", **{"from": "2026-03-02T11:00:00Z"})
    assert values(answer)[0] == pytest.approx(30 / 3600)
    assert answer.json()["unit"] == "requests/s"


def test_groups_are_lines_largest_first(sending: Sending, ask: Ask) -> None:
    sending.send([sending.agent("busy", ago=70), sending.agent("busy", ago=80), sending.agent("idle", ago=90)])
    answer = ask("series", metric="requests", group_by="agent")
    assert [line["labels"] for line in answer.json()["series"]] == [{"agent": "busy"}, {"agent": "idle"}]
    only = ask("series", metric="requests", agent="idle")
    assert sum(value or 0 for value in values(only)) == 1


def test_the_number_of_queries_does_not_grow_with_the_models(sending: Sending, ask: Ask) -> None:
    counted = []
    for models in (1, 12):
        sending.send(sending.call(model=f"gpt-4o-mini-{index}", ago=70 + index) for index in range(models))
        with CaptureQueriesContext(connection) as queries:
            assert ask("series", metric="cost_usd", group_by="model").status_code == 200
        counted.append(sum("metrics_rollup" in query["sql"] for query in queries.captured_queries))
    assert counted == [3, 3], "what is compacted, the largest models, their bins"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({}, "metric"),
        ({"metric": "happiness"}, "metric"),
        ({"metric": "latency_ms", "agg": "sum"}, "agg"),
        ({"metric": "cost_usd", "agg": "p95"}, "agg"),
        ({"metric": "requests", "scope": "everything"}, "scope"),
        ({"metric": "requests", "group_by": "histogram"}, "group_by"),
        ({"metric": "requests", "step": "7"}, "step"),
        ({"metric": "requests", "step": "1.5m"}, "step"),
        ({"metric": "requests", "step": "60", "from": "2026-02-27T00:00:00Z"}, "step"),
        ({"metric": "requests", "from": "yesterday"}, "from"),
        ({"metric": "requests", "to": "soon"}, "to"),
        ({"metric": "requests", "from": "2026-03-02T12:00:00Z", "to": "2026-03-02T11:00:00Z"}, "from"),
        ({"metric": "requests", "from": "0001-01-01T00:00:00+14:00"}, "from"),
        ({"metric": "requests", "from": "9999-12-31T00:00", "to": "9999-12-31T23:59"}, "from"),
        ({"metric": "requests", "from": "2199-12-31T23:00Z", "to": "2200-01-01T00:00Z"}, "to"),
        ({"metric": "requests", "to": "1969-12-31T23:59Z"}, "to"),
        ({"metric": "requests", "agent": "x\x00"}, "agent"),
    ],
)
def test_a_bad_parameter_is_named(ask: Ask, query: dict[str, str], parameter: str) -> None:
    answer = ask("series", **query)
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [parameter]


def test_another_project_is_not_in_the_sums(sending: Sending, other_project: Any, ask: Ask) -> None:
    Sending(other_project).send([Sending(other_project).agent()])
    assert sum(value or 0 for value in values(ask("series", metric="requests", scope="span"))) == 0


def test_the_status_is_a_filter_and_a_group(sending: Sending, ask: Ask) -> None:
    sending.send([sending.agent(ago=70), sending.agent(ago=80), sending.agent(ago=90, error="GaveUp")])
    grouped = ask("series", metric="requests", group_by="status").json()["series"]
    assert [line["labels"]["status"] for line in grouped] == ["ok", "error"]
    assert sum(value or 0 for value in values(ask("series", metric="requests", status="error"))) == 1


def test_average_latency_and_time_in_total(sending: Sending, ask: Ask) -> None:
    sending.send([sending.agent(seconds=1.0), sending.agent(seconds=4.0)])
    window = {"from": "2026-03-02T11:00:00Z", "to": "2026-03-02T12:00:00Z", "step": "1h"}
    assert values(ask("series", metric="latency_ms", agg="avg", **window)) == [2_500.0]
    assert values(ask("series", metric="duration_ms", **window)) == [5_000.0]


def test_the_period_before_comes_at_the_times_it_is_compared_with(sending: Sending, ask: Ask) -> None:
    sending.send([sending.agent("a", ago=3_600 + 600), sending.agent("a", ago=600), sending.agent("a", ago=605)])
    window = {"from": "2026-03-02T11:00:00Z", "to": "2026-03-02T12:00:00Z", "step": "30m"}
    answer = ask("series", metric="requests", group_by="agent", compare="previous", **window).json()
    [now], [before] = answer["series"], answer["previous_series"]
    assert [value for _, value in now["points"]] == [0, 2]
    assert [value for _, value in before["points"]] == [0, 1]
    assert [moment for moment, _ in now["points"]] == [moment for moment, _ in before["points"]]
    assert before["labels"] == {"agent": "a"}


def test_lines_beyond_fifty_are_counted(sending: Sending, ask: Ask) -> None:
    sending.send(sending.agent(f"agent {number:02}", ago=70) for number in range(53))
    answer = ask("series", metric="requests", group_by="agent").json()
    assert (len(answer["series"]), answer["omitted_series"]) == (50, 3)


def spent(sending: Sending, user: str, *, ago: float, tokens: int, tags: tuple[str, ...] = ()) -> None:
    root = sending.agent(ago=ago, attributes={"user.id": user, "tag.tags": list(tags)})
    sending.send([root, sending.call(root, tokens=(tokens, 0), ago=ago)])


def test_spend_is_known_by_user_and_day(sending: Sending, ask: Ask, project: Any) -> None:
    spent(sending, "ana", ago=60, tokens=1_000)
    spent(sending, "ana", ago=86_400, tokens=500)
    spent(sending, "ben", ago=86_400, tokens=2_000)
    compaction.run(now=sending.now, projects=[project.pk])
    answer = ask("series", metric="input_tokens", group_by="user", **{"from": "2026-03-01"}).json()
    assert answer["step_seconds"] == 86_400
    assert {line["labels"]["user"]: [value for _, value in line["points"]] for line in answer["series"]} == {
        "ben": [2_000, 0],
        "ana": [500, 1_000],
    }
    of_ana = ask("series", metric="input_tokens", user="ana", step="2d", **{"from": "2026-03-01"})
    assert values(of_ana) == [500, 1_000], "steps of two days are counted from 1970"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"metric": "cost_usd", "group_by": "user", "step": "1h"}, "step"),
        ({"metric": "requests", "group_by": "team"}, "metric"),
        ({"metric": "cost_usd", "group_by": "tag", "agent": "a"}, "agent"),
        ({"metric": "cost_usd", "group_by": "user", "team": "x"}, "team"),
        ({"metric": "cost_usd", "compare": "tomorrow"}, "compare"),
    ],
)
def test_what_the_daily_spend_cannot_say_is_said(ask: Ask, query: dict[str, str], parameter: str) -> None:
    answer = ask("series", **query)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [parameter]
