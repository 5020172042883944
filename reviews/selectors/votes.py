"""What reviewers spent on their decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from console.lib.bound import rows
from console.lib.sql import load
from reviews.flow import Vote


def votes_of(keys: Sequence[UUID]) -> dict[UUID, list[Vote]]:
    """The decisions that count of some requests, in their order. One query."""
    votes: dict[UUID, list[Vote]] = defaultdict(list)
    for key, reviewer, verdict, suggestion, requested_at, decided_at, previous_at, alone, size in rows(
        load("reviews", "votes"), {"keys": list(keys)}
    ):
        vote = Vote(
            reviewer=reviewer,
            verdict=verdict,
            suggestion=suggestion,
            requested_at=requested_at,
            decided_at=decided_at,
            previous_at=previous_at,
            alone=alone,
            size=size,
        )
        votes[key].append(vote)
    return votes
