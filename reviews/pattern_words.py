"""The evidence of a suggested rule in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reviews.policy.patterns import BELOW, IS

Clauses = Sequence[Mapping[str, Any]]


def sentence(*, verdict: str, action: str, matched: int, agreeing: int, clauses: Clauses) -> str:
    """What reviewers did with how many requests of which kind."""
    forms = {
        "approve": ngettext(
            "Reviewers approved %(agreeing)s of %(matched)s request for %(action)s%(clauses)s.",
            "Reviewers approved %(agreeing)s of %(matched)s requests for %(action)s%(clauses)s.",
            matched,
        ),
        "reject": ngettext(
            "Reviewers rejected %(agreeing)s of %(matched)s request for %(action)s%(clauses)s.",
            "Reviewers rejected %(agreeing)s of %(matched)s requests for %(action)s%(clauses)s.",
            matched,
        ),
    }
    words = _(" and ").join(_clause(clause) for clause in clauses)
    return forms[verdict] % {
        "agreeing": f"{agreeing:,}",
        "matched": f"{matched:,}",
        "action": action,
        "clauses": _(" where %(clauses)s") % {"clauses": words} if words else "",
    }


def _clause(clause: Mapping[str, Any]) -> str:
    name = str(clause["path"]).partition(".")[2].replace("_", " ")
    value = clause["value"]
    if clause["comparison"] == IS:
        shown = _("yes") if value is True else _("no") if value is False else str(value)
        return _("%(name)s is %(value)s") % {"name": name, "value": shown}
    form = _("%(name)s is under %(value)s") if clause["comparison"] == BELOW else _("%(name)s is %(value)s or more")
    return form % {"name": name, "value": f"{value:,g}" if isinstance(value, int | float) else value}
