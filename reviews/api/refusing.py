"""What agents are told of requests that are refused."""

from __future__ import annotations

from console.lib.http import Problem, invalid
from reviews.policy.timing import NotAllowed


def not_allowed(refusal: NotAllowed) -> Problem:
    """The answer to a request that wants more at its deadline than the policy allows."""
    return invalid("on_timeout", str(refusal))
