"""One verdict on many requests at once, for what is alike and harmless."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.models import Project
from reviews import states
from reviews.models import Approval, Decision
from reviews.services.deciders import standings_of
from reviews.services.decisions import (
    InvalidDecision,
    OwnRequest,
    ReauthenticationNeeded,
    Ruling,
    check_may_decide,
    decide,
    withdraw,
    words_missing,
)
from reviews.services.transitions import AlreadyDecided
from reviews.wire import Standing

Result = Decision | AlreadyDecided | InvalidDecision | OwnRequest | ReauthenticationNeeded


def decide_many(
    *, project: Project, ids: Sequence[UUID], by: Caller, ruling: Ruling, now: datetime
) -> list[tuple[UUID, Result]]:
    """Decides on each of the requests, in order and each by itself: what became of it, or why it was refused.

    Raises InvalidDecision, and decides on none, when they are not requests of the project, each for the same one
    action at low risk that no condition leaves in doubt, for edits, which are never alike, and for a verdict without
    the words that it needs.
    """
    keys = list(dict.fromkeys(ids))
    found = {row.pk: row for row in Approval.objects.of_project(project).filter(pk__in=keys).prefetch_related("items")}
    errors = _unlike(keys, found.values(), ruling)
    if errors:
        raise InvalidDecision(errors)
    results: list[tuple[UUID, Result]] = []
    for key in keys:
        try:
            results.append((key, decide(approval=found[key], by=by, ruling=ruling, now=now)))
        except (InvalidDecision, OwnRequest, ReauthenticationNeeded) as error:
            results.append((key, error))
    return results


def waiting_for_others(results: Iterable[tuple[UUID, Result]]) -> dict[UUID, Standing]:
    """Of what was taken those that others have to agree with, by request: how many do so far. Three queries."""
    voted = [key for key, result in results if isinstance(result, Decision) and result.approval.is_open]
    rows = Approval.objects.filter(pk__in=voted).prefetch_related("items", "decisions") if voted else []
    return {row.pk: standings_of(row)[0] for row in rows}


def withdraw_many(*, project: Project, ids: Sequence[UUID], by: Caller, now: datetime) -> list[tuple[Approval, bool]]:
    """Takes a person's verdicts on each of the requests back, each by itself: whether that could still be done.

    Those that the project does not have are left out.
    """
    found = Approval.objects.of_project(project).prefetch_related("items").in_bulk(list(dict.fromkeys(ids)))
    return [(row, withdraw(approval=row, by=by, now=now)) for row in found.values()]


def approve_items(
    *, approval: Approval, by: Caller, items: Sequence[int], now: datetime
) -> list[tuple[int, Decision | AlreadyDecided | InvalidDecision]]:
    """Approves some actions of a batch as proposed, each by itself: what became of each, by its index.

    Raises NotAPerson, OwnRequest or ReauthenticationNeeded before anything is decided.
    """
    check_may_decide(approval=approval, by=by)
    results: list[tuple[int, Decision | AlreadyDecided | InvalidDecision]] = []
    for index in dict.fromkeys(items):
        try:
            ruling = Ruling(verdict=states.Verdict.APPROVE, item=index)
            results.append((index, decide(approval=approval, by=by, ruling=ruling, now=now)))
        except InvalidDecision as error:
            results.append((index, error))
    return results


def _unlike(keys: Collection[UUID], rows: Collection[Approval], ruling: Ruling) -> dict[str, list[str]]:
    """Why these cannot be decided at once, by field."""
    if ruling.verdict is states.Verdict.EDIT:
        return {"verdict": [_("Changes are made to one request at a time.")]}
    if missing := words_missing(ruling):
        return missing
    if len(rows) < len(keys):
        return {"ids": [_("Not all of these are requests of this project.")]}
    if len({row.action for row in rows}) > 1:
        return {"ids": [_("Only requests for the same action can be decided at once.")]}
    if any(len(row.items.all()) > 1 for row in rows):
        return {"ids": [_("A request for several actions is decided item by item.")]}
    if any(row.risk_level != "low" for row in rows):
        return {"ids": [_("Only requests of low risk can be decided at once.")]}
    if any(row.in_doubt for row in rows):
        return {"ids": [_("A request whose risk could not be judged is looked at by itself.")]}
    return {}
