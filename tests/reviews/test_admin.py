"""The admin site shows what happened and lets nobody rewrite it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from agents.authentication import Caller
from agents.models import User
from reviews import states
from reviews.models import Approval, FeedbackExample, PolicyVersion
from reviews.services.decisions import Ruling, decide
from tests.reviews.conftest import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    root = User.objects.create_superuser("root@example.org")
    client.force_login(root, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize("model", [Approval, FeedbackExample, PolicyVersion])
def test_rows_are_shown_and_cannot_be_touched(
    operator: Client,
    request_one: Callable[..., Approval],
    ana: Caller,
    model: type[Approval | FeedbackExample | PolicyVersion],
) -> None:
    decide(approval=request_one(), by=ana, ruling=Ruling(verdict=states.Verdict.APPROVE), now=NOON)
    name = f"admin:reviews_{model._meta.model_name}"
    row = model._default_manager.get()
    assert operator.get(reverse(f"{name}_changelist")).status_code == 200
    assert operator.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200
    assert operator.post(reverse(f"{name}_change", args=[row.pk]), {"action": "other"}).status_code == 403
    assert operator.get(reverse(f"{name}_add")).status_code == 403
    assert operator.get(reverse(f"{name}_delete", args=[row.pk])).status_code == 403
