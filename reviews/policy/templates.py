"""Rules for the usual triggers, and the policy that a new project begins with. Pure.

The templates are switched off: they wait in the list until somebody has looked at their numbers.
"""

from __future__ import annotations

from reviews.policy.plan import ReviewPlan
from reviews.policy.schema import DEFAULT_FACTORS, DEFAULT_LEVELS, EVERY_REQUEST, Effect, Policy, Rule

TEMPLATES = (
    Rule(
        "the user asked for a human",
        Effect.REVIEW,
        'is_true("user_requested_human")',
        enabled=False,
        review=ReviewPlan(deadline_seconds=900),
    ),
    Rule(
        "high value",
        Effect.REVIEW,
        'over("amount", 10000)',
        enabled=False,
        review=ReviewPlan(approvals=2, four_eyes=True, reauthenticate=True),
    ),
    Rule(
        "sensitive tool",
        Effect.REVIEW,
        'action in ["delete_data", "send_payment", "change_permissions", "run_command"]',
        enabled=False,
        review=ReviewPlan(risk_level="high", four_eyes=True),
    ),
    Rule(
        "VIP customer",
        Effect.REVIEW,
        'word("customer_tier") == "vip"',
        enabled=False,
        review=ReviewPlan(deadline_seconds=1_800),
    ),
    Rule("low confidence", Effect.REVIEW, "confidence != null && confidence < 0.7", enabled=False),
    Rule(
        "repeated failures",
        Effect.REVIEW,
        "history.session.failed + history.session.rejected >= 3",
        enabled=False,
        review=ReviewPlan(risk_level="high"),
    ),
    Rule("budget nearly spent", Effect.REVIEW, "cost.budget >= 0.9", enabled=False),
    Rule(
        "possible prompt injection",
        Effect.REVIEW,
        "flags.injection > 0",
        enabled=False,
        review=ReviewPlan(approvals=2, four_eyes=True),
    ),
    Rule(
        "small and harmless",
        Effect.AUTO_APPROVE,
        'risk.level == "low" && has(args.amount) && !over("amount", 50)',
        enabled=False,
    ),
)

DEFAULT_POLICY = Policy(rules=(*TEMPLATES, EVERY_REQUEST), factors=DEFAULT_FACTORS, levels=DEFAULT_LEVELS)
