"""Whoever makes two at the same instant does not get past what a project may have."""

from functools import partial

import pytest
from django.core.exceptions import ValidationError

from agents.authentication import Caller
from agents.models import Project, User
from metrics.models import Budget, ScoreConfig
from metrics.score_rules import Spec
from metrics.scoring import Refused
from metrics.services import budgets, score_configs
from metrics.services.budgets import Draft
from tests import racing
from tests.metrics.sending import NOW

pytestmark = pytest.mark.django_db(transaction=True)


at_once = partial(racing.at_once, refusals=(ValidationError, Refused))


@pytest.fixture
def person(project: Project) -> User:
    return User.objects.create_user("op@example.org", name="Op")


def test_budgets_made_at_once_stop_at_the_limit(
    project: Project, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "MOST", 1)
    draft = Draft(name="All", period="day", limit_nanos=1)

    def make() -> object:
        return budgets.create(project=project, draft=draft, by=person, now=NOW)

    assert at_once(make, make, make) == ["", "ValidationError", "ValidationError"]
    assert Budget.objects.count() == 1


def test_restored_score_configs_stop_at_the_limit(
    project: Project, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = Caller(user=person)
    specs = [Spec(name=name, data_type="boolean") for name in "abc"]
    rows = [score_configs.create(project=project, spec=spec, by=by, now=NOW) for spec in specs]

    def change(place: int, *, archived: bool) -> ScoreConfig:
        row, spec = rows[place], specs[place]
        return score_configs.change(config=row, spec=spec, archived=archived, by=by, now=NOW)

    for place in range(3):
        change(place, archived=True)
    monkeypatch.setattr(score_configs, "MOST", 1)
    restored = at_once(*(lambda at=place: change(at, archived=False) for place in range(3)))
    assert restored == ["", "Refused", "Refused"]
    left = ScoreConfig.objects.open().get()
    assert change([row.pk for row in rows].index(left.pk), archived=False).archived_at is None
