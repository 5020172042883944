"""Runs of policies over the past, and what came out."""

from __future__ import annotations

from uuid import UUID

from agents.models import Project
from console.lib.clock import rfc3339
from console.lib.http import decode_cursor, encode_cursor
from reviews.models import Backtest, BacktestCase
from reviews.selectors.queue import damaged, time_and_id


def backtests_page(project: Project, *, cursor: str | None, size: int) -> tuple[list[Backtest], str | None]:
    """One page of runs, the newest first, and the cursor of the next page. 400 on a damaged cursor."""
    rows = Backtest.objects.filter(project=project).select_related("created_by").defer("document")
    if cursor:
        at, key = time_and_id(cursor)
        rows = rows.filter(created_at__lte=at).exclude(created_at=at, pk__gte=key)
    found = list(rows.order_by("-created_at", "-pk")[: size + 1])
    last = found[size - 1] if len(found) > size else None
    return found[:size], encode_cursor([rfc3339(last.created_at), str(last.pk)]) if last else None


def backtest_of(project: Project, key: UUID) -> Backtest | None:
    """One run with who began it."""
    return Backtest.objects.filter(project=project, pk=key).select_related("created_by", "project").first()


def cases_page(
    backtest: Backtest, *, kind: str, cursor: str | None, size: int
) -> tuple[list[BacktestCase], str | None]:
    """One page of disagreements in the order of the requests, and the cursor of the next. 400 on a damaged cursor."""
    rows = BacktestCase.objects.filter(backtest=backtest, **({"kind": kind} if kind else {}))
    if cursor:
        (last,) = decode_cursor(cursor, length=1)
        if not isinstance(last, int) or isinstance(last, bool) or not 0 < last < 2**63:
            raise damaged()
        rows = rows.filter(pk__gt=last)
    found = list(rows.select_related("approval").order_by("pk")[: size + 1])
    return found[:size], encode_cursor([found[size - 1].pk]) if len(found) > size else None
