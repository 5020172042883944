"""Budgets as the API and webhooks write and read them. Pure but for the models."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from agents.channel_json import fields_of
from console.lib.clock import rfc3339
from console.lib.http import invalid
from metrics import wire
from metrics.budgeting import LIMIT_NANOS_MAX
from metrics.models import Budget
from metrics.selectors.budgets import Kept

Json = dict[str, Any]
NANOS = 1_000_000_000
NUMBER_CHARS = 40
TEXTS = ("name", "agent", "model", "period", "time_zone", "when_spent")
FIELDS = (*TEXTS, "limit", "warn_share")
LEVELS = {Budget.Level.FINE: "fine", Budget.Level.WARNED: "warned", Budget.Level.SPENT: "spent"}


def budget_of(kept: Kept) -> Json:
    """A budget with its figures; money as decimal strings in dollars, null where it is unknown."""
    budget, standing = kept.budget, kept.standing
    figures = standing.figures
    return {
        "id": budget.pk,
        "name": budget.name,
        "agent": budget.agent or None,
        "model": budget.model or None,
        "period": budget.period,
        "time_zone": budget.time_zone,
        "warn_share": float(budget.warn_share),
        "when_spent": budget.when_spent,
        "level": LEVELS[Budget.Level(standing.level)],
        "limit": wire.usd(budget.limit_nanos),
        "spent": wire.cost(figures.spent_nanos, figures.unpriced_calls),
        "remaining": None if standing.is_unknown else wire.usd(standing.remaining_nanos),
        "share": None if standing.is_unknown else round(standing.share, 6),
        "unpriced_calls": figures.unpriced_calls,
        "unattributed": wire.usd(figures.unattributed_nanos) if figures.unattributed_nanos else None,
        "forecast": wire.usd(standing.forecast_nanos),
        "period_start": rfc3339(standing.window.start),
        "resets_at": rfc3339(standing.window.end),
        "created_at": rfc3339(budget.created_at),
        "archived_at": rfc3339(budget.archived_at) if budget.archived_at else None,
    }


def check_of(found: Sequence[Kept]) -> Json:
    """Whether more may be spent, in the figures of the tightest of the budgets that apply; `found` begins with it."""
    every = [budget_of(kept) for kept in found]
    first: Mapping[str, Any] = every[0] if every else {}
    figures = ("level", "spent", "limit", "remaining", "share", "unpriced_calls", "resets_at")
    return {
        "allowed": not any(kept.standing.says_no for kept in found),
        "budget": {name: first[name] for name in ("id", "name", "agent", "model", "period")} if first else None,
        **{name: first.get(name) for name in figures},
        "budgets": every,
    }


def draft_of(body: Any, base: Budget | None = None) -> Json:
    """The values of a body for a draft; what it leaves out is as in `base`. Raises Problem 422 naming the field."""
    given = fields_of(body, FIELDS)
    values: Json = {} if base is None else {name: getattr(base, name) for name in (*TEXTS, "limit_nanos", "warn_share")}
    for name in TEXTS:
        if name in given:
            values[name] = _text(given, name)
    if "limit" in given:
        values["limit_nanos"] = _nanos(given["limit"])
    if "warn_share" in given:
        values["warn_share"] = _number("warn_share", given["warn_share"])
    for name, field in (("name", "name"), ("limit_nanos", "limit"), ("period", "period")):
        if name not in values:
            raise invalid(field, "is needed")
    return values


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given[name]
    if value is None and name in ("agent", "model"):
        return ""
    if not isinstance(value, str) or "\x00" in value:
        raise invalid(name, "must be text")
    return value


def _nanos(value: Any) -> int:
    nanos = _number("limit", value) * NANOS
    if nanos != nanos.to_integral_value() or not 0 < nanos <= LIMIT_NANOS_MAX:
        raise invalid("limit", f"must be dollars above 0, to {LIMIT_NANOS_MAX // NANOS:,}, with at most nine places")
    return int(nanos)


def _number(name: str, value: Any) -> Decimal:
    """A number, or a decimal string. Floats are taken as they are written."""
    text = str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else ""
    try:
        found = Decimal(text) if text.isascii() and len(text) <= NUMBER_CHARS else Decimal("NaN")
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or abs(found.adjusted()) > NUMBER_CHARS:
        raise invalid(name, "must be a number")
    return found
