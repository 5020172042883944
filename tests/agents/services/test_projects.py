import pytest
from django.core.exceptions import ValidationError

from agents.models import AuditEvent, Membership, Project, User
from agents.roles import Role
from agents.services import projects
from tests.agents.conftest import NOON, MakePerson, audited


def test_whoever_makes_a_project_is_its_admin(person: MakePerson) -> None:
    eve = person("Eve")
    made = projects.create(name="  Claims   desk ", slug="Claims-Desk", by=eve, now=NOON)
    assert (made.slug, made.name) == ("claims-desk", "Claims desk")
    assert Membership.objects.get(project=made).user == eve
    assert Membership.objects.get(project=made).role == Role.ADMIN
    assert audited(made) == ["project.create"]


@pytest.mark.parametrize("slug", ["new", "with space", "ümlaut", "a/b", "", "alpha"])
def test_an_address_that_is_reserved_malformed_or_taken_is_refused(slug: str, project: Project, admin: User) -> None:
    with pytest.raises(ValidationError) as refusal:
        projects.create(name="Anything", slug=slug, by=admin, now=NOON)
    assert list(refusal.value.message_dict) == ["slug"]
    assert Project.objects.count() == 1


def test_settings_are_cleaned_saved_and_audited_with_what_was_before(project: Project, admin: User) -> None:
    reasons = [" Too  risky ", "", "Too risky", "Duplicate"]
    projects.change_settings(
        project=project, name="Alpha", reject_reasons=reasons, retention_days=30, undo_seconds=20, by=admin, now=NOON
    )
    project.refresh_from_db()
    assert project.reject_reasons == ["Too risky", "Duplicate"]
    assert (project.retention_days, project.undo_seconds) == (30, 20)
    event = AuditEvent.objects.get(action="project.change")
    assert set(event.detail) == {"reject_reasons", "retention_days", "undo_seconds"}
    assert event.detail["retention_days"] == {"from": 90, "to": 30}


def test_saving_the_same_settings_again_leaves_no_trace(project: Project, admin: User) -> None:
    projects.change_settings(
        project=project,
        name=project.name,
        reject_reasons=project.reject_reasons,
        retention_days=project.retention_days,
        undo_seconds=project.undo_seconds,
        by=admin,
        now=NOON,
    )
    assert audited(project) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "   "),
        ("retention_days", 0),
        ("retention_days", 5000),
        ("undo_seconds", 301),
        ("reject_reasons", ["x" * 121]),
        ("reject_reasons", [str(number) for number in range(31)]),
    ],
)
def test_impossible_settings_are_refused_by_field(field: str, value: object, project: Project, admin: User) -> None:
    given = {"name": "Alpha", "reject_reasons": [], "retention_days": 90, "undo_seconds": 0, field: value}
    with pytest.raises(ValidationError) as refusal:
        projects.change_settings(project=project, by=admin, now=NOON, **given)  # type: ignore[arg-type]
    assert list(refusal.value.message_dict) == [field]
    assert audited(project) == []


def test_archiving_and_restoring_happen_once_each(project: Project, admin: User) -> None:
    assert projects.archive(project=project, by=admin, now=NOON)
    assert not projects.archive(project=project, by=admin, now=NOON)
    assert Project.objects.open().count() == 0
    assert projects.restore(project=project, by=admin, now=NOON)
    assert not projects.restore(project=project, by=admin, now=NOON)
    assert Project.objects.open().get() == project
    assert audited(project) == ["project.archive", "project.restore"]
