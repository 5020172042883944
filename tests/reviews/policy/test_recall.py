"""Answers that are remembered are those that would have been given."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviews.policy.conditions import Trial, compiled
from reviews.policy.engine import evaluate
from reviews.policy.facts import Subject, facts_of
from reviews.policy.recall import SMALL_CHARS, SMALL_VALUES, Inputs, Recall, RecallingTrial, inputs_of, is_small
from reviews.policy.schema import DEFAULT_FACTORS, DEFAULT_LEVELS, Effect, Policy, Rule
from tests.reviews.conftest import NOON

CONDITIONS = (
    'over("amount", 50)',
    "is_true('irreversible')",
    'word("tier") == "vip"',
    "args.amount < 50",
    "has(args.amount) && args.amount < 50.0",
    "has(args.customer.tier) && args.customer.tier == 'new'",
    "has(args.customer) && args.customer == null",
    "args.customer.tier.startsWith('n')",
    "context.customer.tier in ['new', 'verified']",
    "1.0 / args.amount > 0.0",
    "type(args.amount) == int",
    "size(args.customer) > 1",
    "args['amount'] == 7",
    "confidence != null && confidence < 0.7",
    "action == 'refund' || agent.name == 'bot'",
    "time.hour > 8 && !time.weekend",
    "cost.today > 1.0",
    "cost.trace > 1.0 || history.session.requests > 2",
    "args",
    "args.amount",
    'over("amount", args.amount)',
    "over(args.tier, 5)",
    'args.tags.exists(tag, tag == "x")',
    "context.args.amount == 1",
    "string(args.amount) == '1'",
    "true",
    "args.amount <",
)
VALUES: tuple[Any, ...] = (
    0, 1, 7, 49, 51, -0.0, 0.0, 1.0, 49.5, 1e300, 10**30, True, False, None, "", "1", "yes", " VIP ", "20k", "$70", [],
    [1], {}, {"tier": "new"}, {"tier": None}, {"tier": {"tier": 1}}, ["x"], "new",
)  # fmt: skip
VALUE = st.sampled_from(VALUES)
FIELDS = st.dictionaries(st.sampled_from(["amount", "tier", "customer", "irreversible", "tags", "args"]), VALUE)


def fresh(facts: dict[str, Any]) -> Trial:
    """A trial that is never late."""
    return Trial(facts, timer=lambda: 0.0)


def unhurried(facts: dict[str, Any], recall: Recall) -> RecallingTrial:
    """A trial that remembers, and is never late either: a thread's own time runs on while its machine stands still."""
    trial = RecallingTrial(facts, recall)
    trial._until = math.inf
    return trial


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    requests=st.lists(
        st.tuples(FIELDS, FIELDS, st.sampled_from([None, 0.0, 0.5, 1]), st.booleans()), min_size=2, max_size=8
    )
)
def test_every_answer_is_as_if_nothing_was_remembered(requests: list[tuple[Any, Any, Any, bool]]) -> None:
    recall = Recall()
    for arguments, context, confidence, costs in requests * 2:
        subject = Subject(action="refund", arguments=arguments, context=context, confidence=confidence)
        facts = {**facts_of(subject, now=NOON), "history": {"session": {"requests": len(arguments)}}}
        facts |= {"cost": {"trace": len(context) / 2}} if costs else {}
        for source in CONDITIONS:
            assert unhurried(facts, recall).ask(source) == fresh(facts).ask(source), source


@pytest.mark.parametrize(
    "pair", list(itertools.permutations([0, 0.0, -0.0, False, None, "0", "", 1, True, 1.0, "1"], 2))
)
def test_values_that_look_equal_are_told_apart(pair: tuple[Any, Any]) -> None:
    recall = Recall()
    for value in pair:
        facts = {"args": {"amount": value}, "context": {}}
        for source in ("1.0 / args.amount > 0.0", "type(args.amount) == int", "args.amount == 1", 'over("amount", 0)'):
            assert unhurried(facts, recall).ask(source) == fresh(facts).ask(source), source


@pytest.mark.parametrize(
    ("source", "paths", "asked", "fields"),
    [
        ('over("amount", 50)', (), (), ("amount",)),
        ("args.a.b > 1 && has(context.x)", (("args", "a", "b"),), (("context", "x"),), ()),
        ("args.note.contains('args.x')", (("args", "note"),), (), ()),
        ("has(args.a.b) && args.a.b == 1", (("args", "a", "b"),), (("args", "a", "b"),), ()),
        ("action in ['args']", (("action",),), (), ()),
    ],
)
def test_what_a_condition_looks_at_is_read_from_its_text(source: str, paths: Any, asked: Any, fields: Any) -> None:
    assert inputs_of(compiled(source)) == Inputs(paths, asked, fields)


@pytest.mark.parametrize(
    "source",
    ["context.messages.exists(m, m.role == 'user')", "over(args.name, 5)", "over('a\\x62', 5)", "'amount'.over(5)"],
)
def test_what_is_not_plain_is_never_remembered(source: str) -> None:
    assert inputs_of(compiled(source)) is None


def test_what_is_asked_too_late_is_not_remembered() -> None:
    recall, facts = Recall(), {"args": {"amount": 7}, "context": {}}
    late = RecallingTrial(facts, recall)
    late._timer = lambda: 1e18
    assert "took too long" in late.ask("args.amount == 7").error
    assert RecallingTrial(facts, recall).ask("args.amount == 7").holds is True


@pytest.mark.parametrize("document", [{"a": list(range(SMALL_VALUES))}, {"a": "x" * SMALL_CHARS}])
def test_a_large_request_is_not_small(document: Any) -> None:
    assert not is_small((json.dumps(document),))
    assert is_small(("{}", json.dumps({"a": "x" * 50_000})))


def test_a_policy_makes_the_same_of_requests_with_and_without() -> None:
    rules = [Rule(f"rule {n}", Effect.AUTO_REJECT, f"args.amount == {n}") for n in range(5)]
    policy = Policy((*rules, Rule("rest", Effect.REVIEW, 'risk.level == "low"')), DEFAULT_FACTORS, DEFAULT_LEVELS)
    recall = Recall()
    for value in VALUES:
        facts = facts_of(Subject(action="refund", arguments={"amount": value}), now=NOON)
        assert evaluate(policy, facts, recall=recall) == evaluate(policy, facts)
