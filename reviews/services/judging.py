"""Applying a project's policy: to requests that come, and to what somebody only wants to try."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from agents.models import Project
from reviews.policy.engine import Assessment, evaluate, needs, together
from reviews.policy.facts import Subject, facts_of
from reviews.policy.schema import Policy
from reviews.selectors.facts import Known, costs, history


def judge(*, project: Project, policy: Policy, subjects: Sequence[Subject], now: datetime) -> Assessment:
    """What a policy makes of a request with some actions, at `now`. Changes nothing.

    Costs and earlier requests are looked up only for a policy whose conditions use them.
    """
    wanted = needs(policy)
    spent = costs(project, subjects[0], now=now) if "cost" in wanted else {}  # Session and trace are the request's.
    known: Known = {}
    assessments = []
    for subject in subjects:
        facts = facts_of(subject, now=now) | {"cost": spent}
        if "history" in wanted:
            facts["history"] = history(project, subject, now=now, known=known)
        assessments.append(evaluate(policy, facts))
    return together(assessments)
