"""The comparison's page and API at their doors."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Project
from agents.permissions import Scope
from tests.reviews.conftest import Api, make_key

Make = Callable[..., Any]
PAGE = "/p/shop/compare/"
HOSTILE = '"><script>alert(1)</script>'
VERSIONS = {"a_agent": "helper", "a_version": "1", "b_agent": "helper", "b_version": "2"}


@pytest.fixture
def api(project: Project, client: Client, at_noon: None) -> Api:
    _key, secret = make_key(project, Scope.TELEMETRY_READ)
    return Api(secret, client)


def measures(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.content
    return {one["measure"]: one for one in answer.json()["measures"]}


def test_two_versions_side_by_side(runs: Make, asked: Make, score: Make, page_of: Make, api: Api) -> None:
    first = runs(times=120, version="1", failed=60, seconds=4)
    second = runs(times=120, version="2", seconds=1)
    score([*first[:60], *second], 1.0)
    score(first[60:], 0.0)
    asked(times=10, version="1", approved=False)
    asked(times=10, version="2", outcome="succeeded")
    found = measures(api.get("/api/v1/comparisons", **VERSIONS))
    assert found["errors"]["difference"]["value"] == pytest.approx(-0.5)
    assert found["p95"]["difference"]["value"] == pytest.approx(-3, abs=0.01)
    assert found["approvals"]["difference"]["value"] == 1
    assert found["scores"]["a"]["value"] == pytest.approx(0.5)
    assert [found[name]["better"] for name in ("errors", "p50", "p95", "approvals", "scores")] == ["b"] * 5
    assert found["outcomes"]["clear"] is False
    html = page_of("viewer").get(PAGE, VERSIONS).content.decode()
    assert "B is faster: p95 3.00 s less" in html
    assert "Nothing is known on one side of: outcomes." in html
    assert "measures are compared, each at 95 %" in html


def test_any_two_filters_can_be_sides(runs: Make, asked: Make, api: Api) -> None:
    here = runs(times=3, environment="prod")
    runs(times=2, environment="dev", failed=1)
    asked(trace_id=here[0].hex())
    found = measures(api.get("/api/v1/comparisons", a_environment="prod", b_environment="dev"))
    assert (found["errors"]["a"]["count"], found["errors"]["b"]["count"]) == (3, 2)
    assert (found["approvals"]["a"]["count"], found["approvals"]["b"]["count"]) == (1, 0)


def test_a_side_may_have_a_time_of_its_own(runs: Make, api: Api) -> None:
    runs(times=2)
    runs(times=3, ago=86_400 * 20)
    before = {"b_from": "2026-02-01T00:00:00Z", "b_to": "2026-02-20T00:00:00Z"}
    found = measures(api.get("/api/v1/comparisons", a_agent="helper", b_agent="helper", **before))
    assert (found["errors"]["a"]["count"], found["errors"]["b"]["count"]) == (2, 3)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"a_from": "yesterday"}, "a_from"),
        ({"b_from": "2026-03-01T00:00:00Z", "b_to": "2026-02-01T00:00:00Z"}, "b_from"),
        ({"a_tag": "x" * 501}, "a_tag"),
        ({"from": "soon"}, "from"),
        ({"agent": "helper"}, "agent"),
    ],
)
def test_what_cannot_be_used_is_named(api: Api, page_of: Make, wrong: dict[str, str], named: str) -> None:
    answer = api.get("/api/v1/comparisons", **wrong)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [named]
    assert page_of("viewer").get(PAGE, wrong).status_code == 200


def test_an_empty_page_says_what_to_do_and_alike_sides_too(page_of: Make, runs: Make) -> None:
    browser = page_of("viewer")
    assert "Choose two sides" in browser.get(PAGE).content.decode()
    assert "Both sides are the same" in browser.get(PAGE, {"a_agent": "x", "b_agent": "x"}).content.decode()
    assert "Neither side did" in browser.get(PAGE, {"a_agent": "x", "b_agent": "y"}).content.decode()


def test_where_no_scores_are_known_it_says_which_would_count(page_of: Make, runs: Make) -> None:
    runs(times=2, version="1")
    for role, may in (("viewer", False), ("admin", True)):
        html = page_of(role).get(PAGE, VERSIONS).content.decode()
        assert "Scores of these names count here: correctness" in html
        assert ('href="/p/shop/settings/evaluation/"' in html) is may


def test_what_the_address_says_is_text(page_of: Make) -> None:
    html = page_of("viewer").get(PAGE, {"a_agent": HOSTILE, "b_version": HOSTILE}).content.decode()
    assert "<script>alert" not in html


def test_other_projects_are_not_among_the_sides(other_project: Project, runs: Make, client: Client) -> None:
    runs(times=3)
    _key, secret = make_key(other_project, Scope.TELEMETRY_READ)
    found = measures(Api(secret, client).get("/api/v1/comparisons", **{"from": "2026-03-01T00:00:00Z"}, **VERSIONS))
    assert found["errors"]["a"]["count"] == 0


def test_it_takes_the_same_queries_whatever_there_is(runs: Make, asked: Make, page_of: Make) -> None:
    browser = page_of("viewer")
    counts = []
    for times in (2, 30):
        for version in ("1", "2"):
            runs(times=times, version=version)
            asked(times=times // 2, version=version)
        browser.get(PAGE, VERSIONS)
        with CaptureQueriesContext(connection) as seen:
            browser.get(PAGE, VERSIONS)
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_versions_of_an_evaluation_lead_to_their_comparison(runs: Make, page_of: Make) -> None:
    runs(version="2", times=2)
    runs(version="1")
    html = page_of("viewer").get("/p/shop/agents/helper/evaluation/").content.decode()
    assert "/p/shop/compare/?a_agent=helper&amp;a_version=1&amp;b_agent=helper&amp;b_version=2" in html
