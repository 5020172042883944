"""What to do when Handrail cannot be asked: the caller's choice, made before it happens."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from handrail.errors import Unreachable

OnUnreachable = Literal["raise", "reject", "approve-if-low-risk"]
DECIDED_HERE = "unreachable"
"""In the place of who decided, where nobody did."""

_log = logging.getLogger("handrail")


@dataclass(frozen=True, slots=True)
class Fallback:
    """How one request ends when the server stays away longer than the retry policy's patience.

    mode: raise (Unreachable, nothing is decided); reject (as if a person had said no); approve-if-low-risk (the action
        runs if its risk is low, Unreachable is raised for any other).
    low_risk: the caller's own word that the risk is low. Without it only the server's assessment counts, which is
        known once the server took the request.
    """

    mode: OnUnreachable = "raise"
    low_risk: bool = False

    def __post_init__(self) -> None:
        if self.mode not in get_args(OnUnreachable):
            raise ValueError(f"on_unreachable must be one of {', '.join(get_args(OnUnreachable))}, not {self.mode!r}")

    def decide(self, error: Unreachable, known: Mapping[str, Any]) -> dict[str, Any]:
        """The wire form of the request as decided here. known: what the server said of it, or what was to be sent.

        Raises the error when nothing may be decided.
        """
        risk = known.get("risk")
        is_low = self.low_risk or (isinstance(risk, Mapping) and risk.get("level") == "low")
        if self.mode == "raise" or (self.mode == "approve-if-low-risk" and not is_low):
            raise error
        allowed = self.mode == "approve-if-low-risk"
        _log.warning("%s: %s here, by on_unreachable: %s", known.get("action"), _said(allowed), error)
        status = "approved" if allowed else "rejected"
        decision = {"verdict": "approve" if allowed else "reject", "reason": f"Handrail could not be reached: {error}"}
        items = [
            {**each, "index": place, "status": status, "decision": _of(decision, allowed, each)}
            for place, each in enumerate(known.get("items") or known.get("actions") or ())
        ]
        return {
            "action": items[0]["action"] if items else "",
            "id": f"unreachable-{uuid.uuid4()}",
            **known,
            "items": items,
            "status": status,
            "decided_by": DECIDED_HERE,
            "decision": _of(decision, allowed, known),
        }


def _of(decision: Mapping[str, Any], allowed: bool, action: Mapping[str, Any]) -> dict[str, Any]:
    return {**decision, "arguments": action.get("arguments", {}) if allowed else None}


def _said(allowed: bool) -> str:
    return "approved as of low risk" if allowed else "rejected"
