"""Reads a policy that somebody wrote, and says by field what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from reviews.policy.conditions import ConditionError, compiled
from reviews.policy.plan import Escalation, OnTimeout, ReviewPlan, Step
from reviews.policy.schema import DEFAULT_FACTORS, DEFAULT_LEVELS, LEVELS, Effect, Factor, Levels, Policy, Rule

RULES_MAX = 50
FACTORS_MAX = 50
STEPS_MAX = 20
NAME_CHARS = 100
TEXT_CHARS = 500
APPROVALS_MAX = 20
LOOPS_MAX = 10
DAY = 86_400
DEADLINE_MAX = 30 * DAY
"""In seconds, as for requests."""

T = TypeVar("T")

REVIEW_FIELDS = (
    "team", "approvals", "deadline_seconds", "escalation", "on_timeout", "risk_level", "reauthenticate", "four_eyes",
    "bar_key_owner",
)  # fmt: skip


class InvalidPolicy(ValueError):
    """The policy cannot be used. `errors` has what is wrong by field, as `rules[2].condition`."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{field}: {', '.join(texts)}" for field, texts in errors.items()))
        self.errors = errors


class Reader:
    """Takes values out of what was sent and collects what is wrong."""

    def __init__(self) -> None:
        self.errors: dict[str, list[str]] = {}

    def wrong(self, field: str, text: str) -> None:
        self.errors.setdefault(field, []).append(text)

    def table(self, given: Any, field: str, known: tuple[str, ...]) -> Mapping[str, Any]:
        """An object with no fields but the known ones; empty when it is none."""
        if not isinstance(given, Mapping):
            self.wrong(field, "must be an object")
            return {}
        for name in given:
            if name not in known:
                self.wrong(f"{field}.{str(name)[:100]}" if field else str(name)[:100], "is not a field of this")
        return given

    def rows(self, given: Any, field: str, most: int) -> list[Any]:
        if not isinstance(given, list):
            self.wrong(field, "must be a list")
            return []
        if len(given) > most:
            self.wrong(field, f"must have at most {most} entries")
        return given[:most]

    def text(self, given: Any, field: str, *, most: int = NAME_CHARS, empty: bool = False) -> str:
        text = given.strip() if isinstance(given, str) else None
        if text is None or len(text) > most or (not text and not empty) or "\x00" in text:
            self.wrong(field, f"must be text of {0 if empty else 1} to {most} characters")
            return ""
        return text

    def whole(self, given: Any, field: str, least: int, most: int) -> int:
        if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
            self.wrong(field, f"must be a whole number from {least} to {most}")
            return least
        return given

    def flag(self, given: Any, field: str) -> bool:
        if not isinstance(given, bool):
            self.wrong(field, "must be true or false")
        return given is True

    def one_of(self, given: Any, field: str, choices: list[str]) -> str:
        if not isinstance(given, str) or given not in choices:
            self.wrong(field, f"must be one of {', '.join(choices)}")
            return choices[0]
        return given

    def share(self, given: Any, field: str) -> Decimal:
        """A decimal from 0 to 1, as a number or as text."""
        try:
            number = (
                Decimal(str(given)) if isinstance(given, int | float | str) and not isinstance(given, bool) else None
            )
        except InvalidOperation:
            number = None
        if number is None or not number.is_finite() or not 0 <= number <= 1:
            self.wrong(field, "must be a number from 0 to 1")
            return Decimal(0)
        return number

    def condition(self, given: Any, field: str) -> str:
        if not isinstance(given, str):
            self.wrong(field, "must be text")
            return ""
        try:
            return compiled(given.strip()).source
        except ConditionError as error:
            self.wrong(field, str(error))
            return ""


def read_policy(given: Any) -> Policy:
    """The policy of a document as the API and the editor send it. Raises InvalidPolicy."""
    reader = Reader()
    table = reader.table(given, "", ("rules", "factors", "levels"))
    rules = tuple(
        _rule(reader, row, f"rules[{place}]")
        for place, row in enumerate(reader.rows(table.get("rules"), "rules", RULES_MAX))
    )
    names = [rule.name for rule in rules]
    for place, name in enumerate(names):
        if name and name in names[:place]:
            reader.wrong(f"rules[{place}].name", "is the name of an earlier rule too")
    factors = DEFAULT_FACTORS
    if table.get("factors") is not None:
        given_factors = reader.rows(table["factors"], "factors", FACTORS_MAX)
        factors = tuple(_factor(reader, row, f"factors[{place}]") for place, row in enumerate(given_factors))
    levels = DEFAULT_LEVELS if table.get("levels") is None else _levels(reader, table["levels"])
    if reader.errors:
        raise InvalidPolicy(reader.errors)
    return Policy(rules, factors, levels)


def read_rule(given: Any) -> Rule:
    """One rule. Raises InvalidPolicy with the fields as they are called in it."""
    return _alone(given, _rule)


def read_factor(given: Any) -> Factor:
    """One risk factor. Raises InvalidPolicy with the fields as they are called in it."""
    return _alone(given, _factor)


def read_levels(given: Any) -> Levels:
    """The scores where the levels begin. Raises InvalidPolicy with the fields as they are called in it."""
    return _alone(given, lambda reader, row, _field: _levels(reader, row, ""))


def _alone(given: Any, read: Callable[[Reader, Any, str], T]) -> T:
    reader = Reader()
    found = read(reader, given, "")
    if reader.errors:
        raise InvalidPolicy({field.removeprefix("."): texts for field, texts in reader.errors.items()})
    return found


def _rule(reader: Reader, given: Any, field: str) -> Rule:
    table = reader.table(given, field, ("name", "condition", "effect", "enabled", "review", "reason"))
    effect = Effect(reader.one_of(table.get("effect"), f"{field}.effect", [effect.value for effect in Effect]))
    review = table.get("review")
    if review and effect is not Effect.REVIEW:
        reader.wrong(f"{field}.review", "belongs to the effect review only")
    reason = reader.text(table.get("reason") or "", f"{field}.reason", most=TEXT_CHARS, empty=True)
    if reason and effect is not Effect.AUTO_REJECT:
        reader.wrong(f"{field}.reason", "belongs to the effect auto_reject only")
    return Rule(
        name=reader.text(table.get("name"), f"{field}.name"),
        effect=effect,
        condition=reader.condition(table.get("condition"), f"{field}.condition"),
        enabled=reader.flag(table.get("enabled", True), f"{field}.enabled"),
        review=_review(reader, review or {}, f"{field}.review"),
        reason=reason,
    )


def _review(reader: Reader, given: Any, field: str) -> ReviewPlan:
    table = {name: value for name, value in reader.table(given, field, REVIEW_FIELDS).items() if value is not None}
    deadline = table.get("deadline_seconds")
    on_timeout = table.get("on_timeout") or None
    escalation = _escalation(reader, table.get("escalation") or {}, f"{field}.escalation")
    if on_timeout is not None:
        reader.one_of(on_timeout, f"{field}.on_timeout", [choice.value for choice in OnTimeout])
    if on_timeout == OnTimeout.ESCALATE and not escalation.steps:
        reader.wrong(f"{field}.on_timeout", "is escalate, but there are no escalation steps")
    level = table.get("risk_level") or ""
    four_eyes, reauthenticate = table.get("four_eyes"), table.get("reauthenticate")
    plan = ReviewPlan(
        team=reader.text(table.get("team", ""), f"{field}.team", empty=True),
        approvals=reader.whole(table.get("approvals", 1), f"{field}.approvals", 1, APPROVALS_MAX),
        deadline_seconds=None
        if deadline is None
        else reader.whole(deadline, f"{field}.deadline_seconds", 1, DEADLINE_MAX),
        escalation=escalation,
        on_timeout=next((choice for choice in OnTimeout if choice == on_timeout), None),
        risk_level=reader.one_of(level, f"{field}.risk_level", list(LEVELS)) if level else "",
        reauthenticate=None if reauthenticate is None else reader.flag(reauthenticate, f"{field}.reauthenticate"),
        four_eyes=None if four_eyes is None else reader.flag(four_eyes, f"{field}.four_eyes"),
        bar_key_owner=reader.flag(table.get("bar_key_owner", False), f"{field}.bar_key_owner"),
    )
    if plan.silence_approves and plan.needs_somebody:
        where = "on_timeout" if plan.on_timeout is OnTimeout.APPROVE else "escalation.final"
        reader.wrong(f"{field}.{where}", "must not be approve: silence cannot stand in for people")
    return plan


def _escalation(reader: Reader, given: Any, field: str) -> Escalation:
    table = reader.table(given, field, ("steps", "loops", "final"))
    steps = []
    for place, row in enumerate(reader.rows(table.get("steps", []), f"{field}.steps", STEPS_MAX)):
        where = f"{field}.steps[{place}]"
        step = reader.table(row, where, ("team", "user", "seconds"))
        team = reader.text(step.get("team", ""), f"{where}.team", empty=True)
        user = reader.text(step.get("user", ""), f"{where}.user", most=254, empty=True)
        if bool(team) == bool(user):
            reader.wrong(where, "must name either a team or a user")
        steps.append(Step(reader.whole(step.get("seconds"), f"{where}.seconds", 1, DEADLINE_MAX), team, user))
    final = reader.one_of(table.get("final", "reject"), f"{field}.final", ["reject", "approve"])
    return Escalation(
        tuple(steps), reader.whole(table.get("loops", 0), f"{field}.loops", 0, LOOPS_MAX), OnTimeout(final)
    )


def _factor(reader: Reader, given: Any, field: str) -> Factor:
    table = reader.table(given, field, ("name", "condition", "weight", "enabled"))
    condition = reader.condition(table.get("condition"), f"{field}.condition")
    if condition and "risk" in compiled(condition).variables:
        reader.wrong(f"{field}.condition", "uses risk, which is what the factors make")
    return Factor(
        name=reader.text(table.get("name"), f"{field}.name"),
        condition=condition,
        weight=reader.share(table.get("weight"), f"{field}.weight"),
        enabled=reader.flag(table.get("enabled", True), f"{field}.enabled"),
    )


def _levels(reader: Reader, given: Any, field: str = "levels") -> Levels:
    table = reader.table(given, field, LEVELS[1:])
    scores = [reader.share(table.get(name), f"{field}.{name}") for name in LEVELS[1:]]
    if not reader.errors and not scores[0] < scores[1] < scores[2]:
        reader.wrong(f"{field}.high", "the levels must rise from medium to critical")
    return Levels(*scores)
