"""People, an agreed score and an annotation queue that asks for it."""

from collections.abc import Callable

import pytest

from agents.authentication import Caller
from agents.models import Membership, Project, User
from metrics.models import AnnotationQueue, ScoreConfig
from metrics.services import annotation_queues
from metrics.services.annotation_queues import QueueSpec
from tests.metrics.sending import NOW


@pytest.fixture
def person(project: Project) -> Callable[..., User]:
    def make(name: str, role: str = "reviewer") -> User:
        made = User.objects.create_user(f"{name.lower()}@example.org", name=name)
        Membership.objects.create(user=made, project=project, role=role)
        return made

    return make


@pytest.fixture
def lead(person: Callable[..., User]) -> User:
    return person("Lena", "lead")


@pytest.fixture
def rating(project: Project) -> ScoreConfig:
    return ScoreConfig.objects.create(
        project=project, name="rating", data_type="numeric", min_value=1, max_value=5, created_at=NOW, updated_at=NOW
    )


@pytest.fixture
def queue(project: Project, rating: ScoreConfig, lead: User) -> AnnotationQueue:
    spec = QueueSpec("Look again", [rating])
    return annotation_queues.create(project=project, spec=spec, by=Caller(user=lead), now=NOW)
