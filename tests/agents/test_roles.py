"""The matrix of ARCHITECTURE.md, section 5, letter by letter."""

import pytest

from agents.models import Membership, Project, User
from agents.permissions import Permission
from agents.roles import ROLE_PERMISSIONS, Role

MATRIX = """
telemetry.view   viewer operator reviewer lead auditor admin
approval.view    viewer operator reviewer lead auditor admin
alert.edit       operator admin
budget.edit      operator admin
agent.manage     operator admin
dashboard.edit   operator admin
approval.decide  reviewer lead admin
score.create     reviewer lead admin
feedback.view    reviewer lead auditor admin
feedback.export  lead auditor admin
approval.assign  lead admin
policy.edit      lead admin
audit.view       auditor admin
key.manage       admin
member.manage    admin
channel.manage   admin
project.manage   admin
privacy.erase    admin
"""
HOLDERS = {line.split()[0]: set(line.split()[1:]) for line in MATRIX.strip().splitlines()}


def test_the_matrix_names_every_permission_and_every_role() -> None:
    assert set(HOLDERS) == {str(permission) for permission in Permission}
    assert set().union(*HOLDERS.values()) == {str(role) for role in Role} == {str(role) for role in ROLE_PERMISSIONS}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_carries_exactly_the_permissions_of_the_matrix(role: Role) -> None:
    assert {str(permission) for permission in ROLE_PERMISSIONS[role]} == {
        permission for permission, holders in HOLDERS.items() if role in holders
    }


@pytest.mark.parametrize("role", list(Role))
def test_has_perm_answers_from_the_role_in_that_project_alone(
    role: Role, project: Project, other_project: Project, db: None
) -> None:
    user = User.objects.create_user("somebody@example.org")
    Membership.objects.create(user=user, project=project, role=role)
    assert {name for name in HOLDERS if user.has_perm(name, project)} == {
        name for name, holders in HOLDERS.items() if role in holders
    }
    assert not any(user.has_perm(name, other_project) for name in HOLDERS)
