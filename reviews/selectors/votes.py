"""What reviewers spent on their decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from django.db.models import Exists, F, IntegerField, OuterRef, Q, Subquery
from django.db.models.fields import TextField
from django.db.models.functions import Cast, Length

from reviews.flow import Vote
from reviews.models import Decision


def votes_of(keys: Sequence[UUID]) -> dict[UUID, list[Vote]]:
    """The decisions that count of some requests, in their order. One query."""
    earlier = Decision.objects.filter(
        project=OuterRef("project"), reviewer=OuterRef("reviewer"), decided_at__lt=OuterRef("decided_at")
    ).order_by("-decided_at")
    beside = Decision.objects.filter(
        ~Q(pk=OuterRef("pk")),
        project=OuterRef("project"),
        reviewer=OuterRef("reviewer"),
        decided_at=OuterRef("decided_at"),
    )
    found = (
        Decision.objects.filter(approval__in=keys, withdrawn_at__isnull=True, reviewer__isnull=False)
        .order_by("id")
        .values_list(
            "approval_id", "reviewer_id", "verdict", "approval__suggestion", "approval__requested_at", "decided_at",
            Subquery(earlier.values("decided_at")[:1]),
            Exists(beside),
            Length(Cast(F("item__arguments"), TextField()), output_field=IntegerField()),
        )
    )  # fmt: skip
    votes: dict[UUID, list[Vote]] = defaultdict(list)
    for key, reviewer, verdict, suggestion, requested_at, decided_at, previous_at, several, size in found:
        vote = Vote(
            reviewer=str(reviewer),
            verdict=verdict,
            suggestion=suggestion,
            requested_at=requested_at,
            decided_at=decided_at,
            previous_at=previous_at,
            alone=not several,
            size=size,
        )
        votes[key].append(vote)
    return votes
