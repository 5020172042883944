"""An agent's evaluation out of what is stored."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import AuditEvent, Project
from metrics.evaluation import TARGETS, WEIGHTS, Dimension, Standard, Wrong
from metrics.models import EvaluationStandard
from metrics.models.evaluation import default_score_names
from metrics.services import evaluations
from reviews.selectors import evaluation
from reviews.selectors.evaluation import AgentEvaluation, VersionEvaluation
from tests.metrics.sending import NOW, Sending
from tests.reviews.conftest import make_person
from tests.reviews.evaluation.conftest import WINDOW

Make = Callable[..., Any]


def found(project: Project, agent: str = "helper") -> AgentEvaluation:
    known = evaluation.of_agent(project, agent, WINDOW)
    assert known is not None
    return known


def only(project: Project) -> VersionEvaluation:
    (one,) = found(project).versions
    return one


def test_every_dimension_is_measured(
    project: Project, runs: Make, score: Make, asked: Make, checked: Make, sending: Sending
) -> None:
    EvaluationStandard.objects.create(project=project, attribute="region")
    north = runs(times=30, metadata={"region": "north"}, seconds=2.0)
    south = runs(times=30, failed=6, error="ReadTimeout", metadata={"region": "south"}, ago=1_200, seconds=2.0)
    score([*north, *south[:10]], 1.0)
    score(south[10:], 0.2)
    asked(times=3, summary="because of the receipt")
    asked(times=1)
    checked(60, 3)
    one = only(project)
    values = {str(item.dimension): item.at.value for item in one.evaluation.findings}
    assert values["correctness"] == pytest.approx(40 / 60)
    assert values["performance"] == pytest.approx(2.02, rel=0.03)
    assert values["robustness"] == pytest.approx(6 / 60)
    assert values["security"] == pytest.approx(57 / 60)
    assert values["explainability"] == pytest.approx(3 / 4)
    assert values["fairness"] == pytest.approx(1 - 10 / 30)
    assert one.evaluation["robustness"].notes["timed_out"] == pytest.approx(6 / 60)
    assert one.evaluation["fairness"].notes["by"] == "correctness"
    assert one.evaluation.covered == 1


def test_an_agent_that_only_asks_has_only_what_requests_say(project: Project, asked: Make) -> None:
    asked(times=4, outcome="succeeded", description="why")
    asked(times=1, outcome="reverted")
    one = only(project)
    assert one.evaluation["correctness"].at.value == pytest.approx(0.8)
    assert one.evaluation["explainability"].at.value == pytest.approx(0.8)
    assert one.evaluation.missing == ["performance", "robustness", "security", "fairness"]
    assert one.evaluation.covered == pytest.approx(0.4)


def test_what_came_of_an_action_outweighs_what_was_thought_of_its_trace(
    project: Project, runs: Make, score: Make, asked: Make
) -> None:
    first, second = runs(times=2)
    score([first, second], 1.0)
    asked(outcome="failed", trace_id=first.hex())
    assert only(project).facts.right == (1, 2)


def test_scores_on_other_scales_or_of_other_names_say_nothing(project: Project, runs: Make, score: Make) -> None:
    traces = runs(times=2)
    score(traces, 4.0)
    score(traces, 1.0, name="politeness")
    assert not only(project).evaluation["correctness"].known


def test_versions_are_apart_and_those_used_most_come_first(project: Project, runs: Make, asked: Make) -> None:
    runs(times=2, version="1", failed=2)
    runs(times=3, version="2")
    asked(version="3")
    versions = found(project).versions
    assert [(one.version, one.requests) for one in versions] == [("2", 3), ("1", 2), ("3", 0)]
    assert [one.evaluation["robustness"].at.value for one in versions] == [0, 1, None]


def test_groups_are_compared_by_errors_where_nobody_has_judged(project: Project, runs: Make) -> None:
    EvaluationStandard.objects.create(project=project, attribute="region")
    runs(times=25, metadata={"region": "north"})
    runs(times=25, failed=5, metadata={"region": "south"}, ago=1_200)
    fairness = only(project).evaluation["fairness"]
    assert fairness.at.value == pytest.approx(0.2)
    assert (fairness.notes["by"], fairness.notes["worst"]) == ("errors", "south")


def test_groups_of_all_versions_are_compared_by_the_same(project: Project, runs: Make, score: Make) -> None:
    EvaluationStandard.objects.create(project=project, attribute="region")
    for region in ("north", "south"):
        score(runs(times=25, version="1", metadata={"region": region}), 1.0)
        runs(times=25, version="2", metadata={"region": region})
    first, second = (one.evaluation["fairness"] for one in found(project).versions)
    assert (first.at.value, first.notes["by"]) == (0, "correctness")
    assert not second.known


def test_guardrails_that_failed_count_as_flags(project: Project, sending: Sending) -> None:
    root = sending.agent("helper")
    guard = {"openinference.span.kind": "GUARDRAIL"}
    checks = [
        sending.span("check", trace=root.trace_id, parent=root.span_id, attributes=guard, error="" if place else "Trip")
        for place in range(4)
    ]
    sending.send([root, *checks])
    assert only(project).facts.clean == (3, 4)


def test_nobody_knows_an_agent_of_another_project(other_project: Project, runs: Make, asked: Make) -> None:
    runs(times=2)
    asked()
    assert evaluation.of_agent(other_project, "helper", WINDOW) is None


def test_it_takes_the_same_number_of_queries_however_much_there_is(project: Project, runs: Make, asked: Make) -> None:
    counts = []
    for round_ in range(2):
        for version in ("1", "2", "3")[: 1 + 2 * round_]:
            runs(times=5, version=version)
            asked(times=3, version=version)
        with CaptureQueriesContext(connection) as seen:
            found(project)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 18


def test_a_project_asks_for_what_it_wants(project: Project) -> None:
    lead = Caller(user=make_person("Lea", project, "admin"))
    standard = Standard(targets={**TARGETS, Dimension.PERFORMANCE: 2.0}, weights=WEIGHTS)
    evaluations.set_standard(
        project=project,
        standard=standard,
        score_names=["quality", "quality", " "],
        attribute="region",
        by=lead,
        now=NOW,
    )
    row = EvaluationStandard.objects.get(project=project)
    assert (row.targets["performance"], row.score_names, row.attribute) == (2.0, ["quality"], "region")
    event = AuditEvent.objects.get(action="evaluation.change")
    assert event.detail["score_names"] == {"from": default_score_names(), "to": ["quality"]}


def test_weights_that_do_not_add_up_change_nothing(project: Project) -> None:
    lead = Caller(user=make_person("Lea", project, "admin"))
    wrong = Standard(weights={**WEIGHTS, Dimension.FAIRNESS: 0.9})
    with pytest.raises(Wrong):
        evaluations.set_standard(project=project, standard=wrong, score_names=[], attribute="", by=lead, now=NOW)
    assert not EvaluationStandard.objects.exists()
