"""What scores say of whether a trace was right: on the scale that the config of their name gives them."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Project
from metrics.models import Score, ScoreConfig
from metrics.score_rules import Category, Rule, scale
from metrics.selectors.evaluation import judged
from tests.metrics.sending import NOW

TRACE = b"t" * 16


@pytest.fixture
def config(project: Project) -> Any:
    def make(data_type: str, name: str = "Rating", **rest: Any) -> ScoreConfig:
        return ScoreConfig.objects.create(
            project=project, name=name, data_type=data_type, created_at=NOW, updated_at=NOW, **rest
        )

    return make


@pytest.fixture
def right(project: Project) -> Any:
    """Whether a trace with these scores was right; None where they say nothing."""

    def ask(*values: float, data_type: str = "", name: str = "Rating") -> bool | None:
        Score.objects.all().delete()
        for value in values:
            Score.objects.create(
                project=project, trace_id=TRACE, name=name, value=value, data_type=data_type, source="sdk",
                author="key", created_at=NOW, updated_at=NOW,
            )  # fmt: skip
        return judged(project.pk, [TRACE], ["Rating"]).get(TRACE)

    return ask


def test_without_a_config_scores_from_0_to_1_count(right: Any) -> None:
    assert [right(value) for value in (0.0, 0.49, 0.5, 1.0, 1.1, 4.0)] == [False, False, True, True, None, None]


def test_a_number_counts_by_the_range_of_its_config_right_from_half_on(right: Any, config: Any) -> None:
    config("numeric", min_value=1, max_value=5)
    given = {value: right(value, data_type="numeric") for value in (1, 2.99, 3, 5, 0.8, 5.1)}
    assert given == {1: False, 2.99: False, 3: True, 5: True, 0.8: None, 5.1: None}
    assert right(3) is True, "one that came before its config"
    assert right(2, 4, data_type="numeric") is True
    assert right(1, 4, data_type="numeric") is False


@pytest.mark.parametrize(("least", "most"), [(0.1, 0.7), (-1, 1), (0, 0.3), (1e-300, 3e-300)])
def test_half_of_any_range_is_right(right: Any, config: Any, least: float, most: float) -> None:
    config("numeric", min_value=least, max_value=most)
    assert right(least + (most - least) / 2, data_type="numeric") is True
    assert right(least, data_type="numeric") is False


def test_a_value_next_to_nothing_breaks_nothing(right: Any, config: Any) -> None:
    config("numeric", min_value=0, max_value=10)
    assert right(5e-324, data_type="numeric") is False


def test_a_number_with_one_bound_counts_as_without_a_config(right: Any, config: Any) -> None:
    config("numeric", min_value=0)
    assert [right(value, data_type="numeric") for value in (0.4, 0.5, 2)] == [False, True, None]


def test_yes_and_no_are_themselves(right: Any, config: Any) -> None:
    config("boolean")
    assert [right(value, data_type="boolean") for value in (1, 0)] == [True, False]
    ScoreConfig.objects.update(data_type="numeric", min_value=0, max_value=10)
    assert right(1, data_type="boolean") is True


def test_categories_count_only_where_the_config_says_how(right: Any, config: Any) -> None:
    config("categorical", categories=[{"label": "bad", "value": 1}, {"label": "good", "value": 3}])
    assert right(1, data_type="categorical") is None
    ScoreConfig.objects.update(categories=[{"label": "bad", "value": 0}, {"label": "good", "value": 1}])
    assert [right(value, data_type="categorical") for value in (0, 1)] == [False, True]


def test_configs_bind_in_any_case_and_not_once_archived(right: Any, config: Any) -> None:
    row = config("numeric", name="RATING", min_value=0, max_value=10)
    assert [right(5, name="RATING"), right(4, name="Rating")] == [True, False]
    ScoreConfig.objects.filter(pk=row.pk).update(archived_at=NOW)
    assert right(5, name="Rating") is None


def test_configs_of_other_projects_bind_nobody(right: Any, other_project: Project) -> None:
    ScoreConfig.objects.create(
        project=other_project, name="Rating", data_type="numeric", min_value=0, max_value=10, created_at=NOW,
        updated_at=NOW,
    )  # fmt: skip
    assert right(1) is True


def test_two_queries_whatever_there_is(project: Project, right: Any, config: Any) -> None:
    config("numeric", min_value=1, max_value=5)
    right(2, 3, 4)
    with CaptureQueriesContext(connection) as queries:
        judged(project.pk, [TRACE], ["Rating", "other", "more"])
    assert len(queries) == 2


@pytest.mark.parametrize("ends", [(1.0, 1.0), (-1e300, 1e300)])
def test_what_is_no_range_has_no_scale(ends: tuple[float, float]) -> None:
    assert scale(Rule("numeric", "x", *ends), "numeric") is None


def test_text_has_no_scale_nor_categories_without_values() -> None:
    assert scale(Rule("text", "x"), "text") is None
    assert scale(Rule("categorical", "x", categories=(Category("a"),)), "categorical") is None
    assert scale(Rule("categorical", "x", categories=(Category("a", 1.0),)), "") is None, "it does not fit the config"
