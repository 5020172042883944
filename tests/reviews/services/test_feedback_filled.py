"""Examples from before they had labels of their own get them when the columns are added."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module

import pgtrigger
import pytest

from agents.authentication import Caller
from reviews import states
from reviews.models import Approval, FeedbackExample
from reviews.services.decisions import Ruling, decide
from reviews.services.outcomes import record_outcome
from tests.reviews.conftest import NOON

SOON = NOON + timedelta(minutes=1)


@pytest.mark.django_db
def test_labels_and_causes_are_filled_in(request_one: Callable[..., Approval], ana: Caller, agent: Caller) -> None:
    plain, labelled = request_one(), request_one()
    decide(approval=plain, by=ana, ruling=Ruling(verdict=states.Verdict.APPROVE), now=SOON)
    record_outcome(approval=plain, by=agent, status="failed", detail={}, now=SOON)
    ruling = Ruling(verdict=states.Verdict.REJECT, reason="no", labels=("amount",))
    decide(approval=labelled, by=ana, ruling=ruling, now=SOON)
    with pgtrigger.ignore("reviews.FeedbackExample:feedback_append_only"):
        FeedbackExample.objects.update(labels=[], cause="decision")
    import_module("reviews.migrations.0007_feedback").fill(None, None)
    seen = FeedbackExample.objects.order_by("id").values_list("revision", "cause", "labels")
    assert list(seen) == [(1, "decision", []), (2, "outcome", []), (1, "decision", ["amount"])]
