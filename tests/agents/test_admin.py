"""The admin site."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from agents.models import AuditEvent, Membership, Project, User
from agents.roles import Role
from agents.services import audit
from tests.agents.conftest import NOON, Browse, MakePerson


@pytest.fixture
def operator(person: MakePerson, browse: Browse) -> Client:
    return browse(person("Root", is_staff=True, is_superuser=True))


def test_every_list_and_form_opens(operator: Client, project: Project, admin_user_rows: None) -> None:
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        assert operator.get(reverse(f"admin:{name}_changelist")).status_code == 200, name
        row = model._default_manager.first()
        if row is not None:
            assert operator.get(reverse(f"admin:{name}_change", args=[row.pk])).status_code == 200, name


@pytest.fixture
def admin_user_rows(project: Project, person: MakePerson) -> None:
    rita = person("Rita", Role.ADMIN, project)
    audit.record(project=project, by=rita, action="test", target="x", detail={}, now=NOON)


def test_people_without_staff_rights_are_kept_out(person: MakePerson, project: Project, browse: Browse) -> None:
    assert browse(person("Rita", Role.ADMIN, project)).get("/admin/").status_code in {302, 403}
    assert Client().get("/admin/login/").headers["Location"].startswith("/accounts/login/")


def test_a_change_made_there_is_audited(operator: Client, project: Project, person: MakePerson) -> None:
    rita = person("Rita")
    form = {"user": rita.pk, "project": project.pk, "role": "admin"}
    assert operator.post(reverse("admin:agents_membership_add"), form).status_code == 302
    membership = Membership.objects.get(user=rita)
    event = AuditEvent.objects.get()
    assert (event.action, event.project, event.actor_label) == ("admin.membership.create", project, "Root")
    operator.post(reverse("admin:agents_membership_delete", args=[membership.pk]), {"post": "yes"})
    assert AuditEvent.objects.filter(action="admin.membership.delete").exists()


def test_the_audit_log_is_only_read_there(operator: Client, admin_user_rows: None) -> None:
    row = AuditEvent.objects.get()
    assert operator.post(reverse("admin:agents_auditevent_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert operator.post(reverse("admin:agents_auditevent_change", args=[row.pk]), {"action": "x"}).status_code == 403
    assert operator.get(reverse("admin:agents_auditevent_add")).status_code == 403


def test_people_are_deactivated_not_deleted(operator: Client, person: MakePerson) -> None:
    rita = person("Rita")
    assert operator.post(reverse("admin:agents_user_delete", args=[rita.pk]), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=rita.pk).exists()
