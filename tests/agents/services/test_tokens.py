from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from agents.models import AuditEvent, Membership, Project, User
from agents.models.credential import digest
from agents.roles import Role
from agents.services import members, tokens
from console.lib import clock
from tests.agents.conftest import NOON, MakePerson


def listing(secret: str, project: Project) -> int:
    headers = {"authorization": f"Bearer {secret}"}
    return Client().get(f"/api/v1/feedback?project={project.slug}", headers=headers).status_code


def test_a_token_is_stored_as_a_hash_and_its_making_is_audited(person: MakePerson) -> None:
    issued = tokens.create(user=person("Rita"), name="laptop", expires_at=None, now=NOON)
    assert issued.secret.startswith("hrp_")
    assert bytes(issued.token.secret_hash) == digest(issued.secret)
    event = AuditEvent.objects.get()
    assert (event.action, event.project) == ("token.create", None)
    assert issued.secret not in event.target


def test_an_expiry_in_the_past_is_refused(person: MakePerson) -> None:
    with pytest.raises(ValidationError):
        tokens.create(user=person("Rita"), name="laptop", expires_at=NOON, now=NOON)


def test_a_token_may_never_do_more_than_its_owner(project: Project, admin: User, person: MakePerson) -> None:
    rita = person("Rita", Role.REVIEWER, project)
    secret = tokens.create(user=rita, name="laptop", expires_at=None, now=NOON).secret
    membership = Membership.objects.get(user=rita)
    assert listing(secret, project) == 200
    members.change_role(membership=membership, role=Role.VIEWER, by=admin, now=NOON)
    assert listing(secret, project) == 403
    members.remove(membership=membership, by=admin, now=NOON)
    assert listing(secret, project) == 404


def test_a_token_is_refused_once_revoked_expired_or_its_owner_deactivated(project: Project, person: MakePerson) -> None:
    now = clock.now()
    rita = person("Rita", Role.REVIEWER, project)
    revoked, kept, expired = (
        tokens.create(user=rita, name=str(n), expires_at=now + timedelta(hours=1), now=now) for n in range(3)
    )
    assert tokens.revoke(token=revoked.token, now=now)
    assert not tokens.revoke(token=revoked.token, now=now)
    expired.token.expires_at = now - timedelta(seconds=1)
    expired.token.save()
    assert [listing(issued.secret, project) for issued in (revoked, kept, expired)] == [401, 200, 401]
    rita.is_active = False
    rita.save()
    assert listing(kept.secret, project) == 401
