"""What a policy makes of a request: how risky it is, and which rule says what happens to it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reviews.policy.risk import Risk, assess
from reviews.policy.schema import Policy, Rule


@dataclass(frozen=True)
class Assessment:
    """The risk of a request and the rule that matched it."""

    risk: Risk
    rule: Rule


def evaluate(policy: Policy, *, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Assessment:
    """Applies the policy. Rules carry no conditions yet, so the first one always matches: a person looks."""
    return Assessment(risk=assess(policy, arguments=arguments, context=context), rule=policy.rules[0])
