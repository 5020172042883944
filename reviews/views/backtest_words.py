"""Back-tests in words."""

from __future__ import annotations

from django.utils.translation import gettext as _

from reviews.models import Backtest
from reviews.policy.engine import needs
from reviews.policy.results import Figures
from reviews.policy.schema import load


def name_of(row: Backtest) -> str:
    """What was tried."""
    words = {
        Backtest.Subject.VERSION: _("Version %(n)d"),
        Backtest.Subject.DRAFT: _("Draft on version %(n)d"),
        Backtest.Subject.SENT: _("A policy that was sent, beside version %(n)d"),
        Backtest.Subject.PATTERN: _("A suggested rule in version %(n)d"),
    }
    return words[Backtest.Subject(row.subject)] % {"n": row.number}


def wrongs_of(figures: Figures) -> dict[str, list[tuple[str, int]]]:
    """What the false approvals and rejections run against, in words, with how many."""
    approvals = {
        "reject": _("Approved what people rejected"),
        "edit": _("Approved unchanged where people changed the arguments"),
        "respond": _("Approved where people answered instead"),
        "mixed": _("Approved all where people rejected or changed a part"),
        "failed": _("Approved as people did, and it failed"),
        "reverted": _("Approved as people did, and it was reverted"),
    }
    rejections = {
        "approve": _("Rejected what people approved"),
        "edit": _("Rejected what people approved with changes"),
        "mixed": _("Rejected all where people approved a part"),
    }
    return {
        "approvals": [(approvals.get(what, what), n) for what, n in figures.false_approvals.items()],
        "rejections": [(rejections.get(what, what), n) for what, n in figures.false_rejections.items()],
    }


def instead_of(what: str) -> str:
    """What a disagreement runs against, as people decided or as it went, in a word or two."""
    words = {
        "approve": _("approved"),
        "edit": _("changed"),
        "reject": _("rejected"),
        "respond": _("answered"),
        "mixed": _("decided in parts"),
        "failed": _("approved, then failed"),
        "reverted": _("approved, then reverted"),
    }
    return words.get(what, what)


def ends_of(figures: Figures) -> list[tuple[str, int]]:
    """Why requests have no verdict of people, with how many."""
    words = {
        "automatic": _("decided by a rule"),
        "timeout": _("approved because nobody decided"),
        "expired": _("expired"),
        "cancelled": _("taken back"),
        "waiting": _("still waiting"),
    }
    return [(words[end], number) for end, number in figures.unlabelled.items()]


def doubts_of(row: Backtest) -> list[str]:
    """What this policy asks for and the past cannot tell."""
    if "cost" not in needs(load(row.document)):
        return []
    return [
        _("What the project (cost.today) and a session (cost.session) had cost at that moment is not kept."),
        _("How much of a budget was spent then (cost.budget) is not kept either."),
        _("What a trace had cost is known from its spans received by then, as long as these are kept."),
    ]
