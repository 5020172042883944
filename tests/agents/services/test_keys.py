from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from agents.authentication import Caller, caller_from_headers
from agents.models import ApiKey, AuditEvent, User
from agents.models.credential import digest
from agents.permissions import Scope
from agents.services import keys
from console.lib.http import Problem
from tests.agents.conftest import NOON, MakeKey, audited

HOUR = timedelta(hours=1)


def accepted(secret: str, at: object = NOON, ip: str = "203.0.113.9") -> bool:
    try:
        return caller_from_headers({"authorization": f"Bearer {secret}"}, ip, at) is not None  # type: ignore[arg-type]
    except Problem as problem:
        return problem.status != 401


def test_a_key_is_stored_as_a_hash_and_a_hint(key: MakeKey) -> None:
    issued = key()
    stored = ApiKey.objects.get()
    assert issued.secret.startswith("hr_")
    assert len(issued.secret) == len("hr_") + 43
    assert bytes(stored.secret_hash) == digest(issued.secret)
    assert stored.hint == issued.secret[:7]
    assert issued.secret not in str(AuditEvent.objects.get().__dict__)


def test_a_key_of_the_system_is_nobodys_own(key: MakeKey) -> None:
    issued = key(by=None)
    assert issued.key.created_by is None
    assert AuditEvent.objects.get().actor_label == "Handrail"


def test_a_key_made_through_the_api_belongs_to_the_person_behind_it(key: MakeKey, admin: User) -> None:
    assert key(by=Caller(user=admin)).key.created_by == admin


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scopes", []),
        ("expires_at", NOON),
        ("allowed_networks", ["10.0.0.0/33"]),
        ("allowed_networks", ["example.org"]),
    ],
)
def test_an_impossible_key_is_refused_by_field(field: str, value: object, key: MakeKey) -> None:
    with pytest.raises(ValidationError) as refusal:
        key(**{field: value})
    assert list(refusal.value.message_dict) == [field]
    assert not ApiKey.objects.exists()


def test_networks_are_kept_in_their_canonical_form(key: MakeKey) -> None:
    issued = key(allowed_networks=["10.1.2.3/8", "192.0.2.7", "2001:DB8::1/32"])
    assert issued.key.allowed_networks == ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]


def test_a_key_with_networks_is_refused_from_elsewhere(key: MakeKey) -> None:
    secret = key(allowed_networks=["10.0.0.0/8", "2001:db8::/32"]).secret
    assert accepted(secret, ip="10.200.1.1")
    assert accepted(secret, ip="2001:db8:1::5")
    assert not accepted(secret, ip="11.0.0.1")
    assert not accepted(secret, ip="")


def test_an_expired_key_is_refused_from_that_second_on(key: MakeKey) -> None:
    secret = key(expires_at=NOON + HOUR).secret
    assert accepted(secret, NOON + HOUR - timedelta(seconds=1))
    assert not accepted(secret, NOON + HOUR)


def test_a_revoked_key_is_refused_at_once_and_revoking_again_changes_nothing(key: MakeKey, admin: User) -> None:
    issued = key()
    assert accepted(issued.secret)
    assert keys.revoke(key=issued.key, by=admin, now=NOON)
    assert not accepted(issued.secret)
    assert not keys.revoke(key=issued.key, by=admin, now=NOON + HOUR)
    assert ApiKey.objects.get().revoked_at == NOON
    assert audited(issued.key.project) == ["key.create", "key.revoke"]


def test_while_rotating_both_keys_work_and_afterwards_only_the_new_one(key: MakeKey, admin: User) -> None:
    old = key(scopes=[Scope.FEEDBACK_READ], allowed_networks=["203.0.113.0/24"])
    new = keys.rotate(key=old.key, overlap=24 * HOUR, by=admin, now=NOON)
    assert accepted(old.secret, NOON + 23 * HOUR)
    assert accepted(new.secret, NOON + 23 * HOUR)
    assert not accepted(old.secret, NOON + 24 * HOUR)
    assert accepted(new.secret, NOON + 24 * HOUR)
    assert (new.key.scopes, new.key.allowed_networks) == (["feedback:read"], ["203.0.113.0/24"])
    assert ApiKey.objects.get(pk=old.key.pk).replaced_by == new.key


def test_rotation_never_lengthens_the_old_keys_life_and_gives_the_new_one_the_same_length(
    key: MakeKey, admin: User
) -> None:
    old = key(expires_at=NOON + 10 * HOUR)
    ApiKey.objects.update(created_at=NOON)
    new = keys.rotate(key=old.key, overlap=24 * HOUR, by=admin, now=NOON + 4 * HOUR)
    assert ApiKey.objects.get(pk=old.key.pk).expires_at == NOON + 10 * HOUR
    assert new.key.expires_at == NOON + 14 * HOUR


def test_only_a_working_key_is_rotated_and_only_once(key: MakeKey, admin: User) -> None:
    old = key()
    keys.rotate(key=old.key, overlap=HOUR, by=admin, now=NOON)
    with pytest.raises(ValidationError, match="rotated already"):
        keys.rotate(key=old.key, overlap=HOUR, by=admin, now=NOON)
    with pytest.raises(ValidationError, match="that works"):
        keys.rotate(key=old.key, overlap=HOUR, by=admin, now=NOON + 2 * HOUR)
    with pytest.raises(ValidationError, match="seven days"):
        keys.rotate(key=key().key, overlap=timedelta(days=8), by=admin, now=NOON)
    assert ApiKey.objects.count() == 3
