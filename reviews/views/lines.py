"""The actions of a request, one or several, with where each of them stands."""

from __future__ import annotations

from dataclasses import dataclass

from agents.models import User
from reviews.arguments import brief
from reviews.models import Approval, ApprovalItem, Decision
from reviews.quorum import Standing, standings
from reviews.states import Verdict


@dataclass(frozen=True)
class Line:
    """One action of a request, in the list of a batch. `mine` is the viewer's own verdict on it."""

    item: ApprovalItem
    standing: Standing[ApprovalItem, Decision]
    brief: str
    mine: Decision | None

    @property
    def is_left(self) -> bool:
        """Whether the viewer may still have a say on it."""
        return self.standing.deciding is None and self.mine is None

    @property
    def agreeing(self) -> int:
        """How many approve the same thing as the viewer does, who is one of them; 0 where the viewer does not."""
        return 0 if self.mine is None else len(self.standing.side_of(self.mine.reviewer_id))

    @property
    def is_decided_by_mine(self) -> bool:
        """Whether the viewer's verdict is the decision, or a part of it."""
        return self.mine is not None and self.mine in self.standing.agreeing

    @property
    def others_as_proposed(self) -> bool:
        """Whether others have approved it as it was proposed, and the viewer something else."""
        sides = self.standing.sides
        return self.mine is not None and any(
            side[0].verdict == Verdict.APPROVE and self.mine not in side for side in sides
        )


def lines_of(approval: Approval, viewer: User) -> list[Line]:
    """Every action of a request in its order. Wants `items` and `decisions` prefetched."""
    votes = sorted(approval.decisions.all(), key=lambda vote: vote.pk)
    found = standings(approval.items.all(), votes, needed=approval.review_plan.approvals_needed)
    return [
        Line(
            item=standing.item,
            standing=standing,
            brief=brief(standing.item.arguments),
            mine=next((vote for vote in standing.votes if vote.reviewer_id == viewer.pk), None),
        )
        for standing in found
    ]


def line_at(lines: list[Line], index: int | None) -> Line:
    """The action of that index; without one, or when there is none, the first that is left, else the first."""
    named = next((line for line in lines if line.item.index == index), None)
    return named or next((line for line in lines if line.is_left), lines[0])


def next_left(lines: list[Line], *, after: int) -> int | None:
    """The index of the action that the viewer decides next: the one behind, else the first that is left."""
    left = [line.item.index for line in lines if line.is_left]
    return next((index for index in left if index > after), next(iter(left), None))
