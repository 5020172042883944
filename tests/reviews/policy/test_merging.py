"""A draft on a newer version: what one side changed is taken, what both changed is asked."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from reviews.policy.merging import Side, merge
from reviews.policy.schema import DEFAULT_FACTORS, DEFAULT_LEVELS, Effect, Levels, Policy, Rule

A, B, C = (Rule(name, Effect.REVIEW, f'action == "{name}"') for name in "abc")
NEW, OTHER = (Rule(name, Effect.REVIEW, f'action == "{name}"') for name in ("new", "other"))
BASE = Policy((A, B, C), DEFAULT_FACTORS, DEFAULT_LEVELS)
LATER = Levels(Decimal("0.1"), Decimal("0.2"), Decimal("0.3"))


def changed(rule: Rule, condition: str = "true") -> Rule:
    return replace(rule, condition=condition)


def on(*rules: Rule) -> Policy:
    return replace(BASE, rules=rules)


def test_what_only_one_side_changed_is_taken_from_it() -> None:
    draft = replace(on(changed(A), B, NEW, C), levels=LATER)
    version = replace(on(A, OTHER, changed(C)), factors=())
    found = merge(BASE, draft, version)
    assert found.conflicts == ()
    assert [rule.name for rule in found.policy.rules] == ["a", "other", "new", "c"]
    assert found.policy.rules[0] == changed(A)
    assert found.policy.rules[3] == changed(C)
    assert (found.policy.factors, found.policy.levels) == ((), LATER)


def test_what_both_changed_alike_is_no_question() -> None:
    both = on(changed(A), NEW, B)
    assert merge(BASE, both, both) == merge(BASE, BASE, both)
    assert merge(BASE, both, both).conflicts == ()


def test_what_both_changed_is_asked_and_taken_as_chosen() -> None:
    draft, version = on(changed(A, "1 == 1"), B), on(changed(A, "2 == 2"), B, changed(C))
    found = merge(BASE, draft, version)
    assert [(one.key, one.draft, one.version) for one in found.conflicts] == [
        ("rule:a", draft.rules[0], version.rules[0]),
        ("rule:c", None, changed(C)),
    ]
    chosen = merge(BASE, draft, version, {"rule:a": Side.DRAFT, "rule:c": Side.VERSION})
    assert chosen.policy.rules == (draft.rules[0], B, changed(C))
    chosen = merge(BASE, draft, version, {"rule:a": Side.VERSION, "rule:c": Side.DRAFT})
    assert chosen.policy.rules == (version.rules[0], B)


def test_the_order_is_that_of_the_side_that_changed_it() -> None:
    assert merge(BASE, on(C, B, A), on(A, NEW, B, C)).policy.rules == (C, B, A, NEW)
    assert merge(BASE, on(A, NEW, B, C), on(C, B, A)).policy.rules == (C, B, A, NEW)
    found = merge(BASE, on(C, B, A), on(B, A, C))
    assert [(one.sort, one.draft, one.version) for one in found.conflicts] == [
        ("order", ("c", "b", "a"), ("b", "a", "c"))
    ]
    assert merge(BASE, on(C, B, A), on(B, A, C), {"order:": Side.DRAFT}).policy.rules == (C, B, A)


def test_two_new_rules_of_one_name_are_a_question_and_never_both() -> None:
    found = merge(BASE, on(NEW, A, B, C), on(A, B, C, changed(NEW)), {"rule:new": Side.DRAFT})
    assert [one.key for one in found.conflicts] == ["rule:new"]
    assert [rule for rule in found.policy.rules if rule.name == "new"] == [NEW]
