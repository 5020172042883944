"""What several people said of the same, put together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reviews.drift import WEEKS, Count
from reviews.rated import Rated, Rating, agreed_by_week, agreement, by_action, pairs

START = datetime(2026, 3, 2, tzinfo=UTC)


def item(said: str, *, action: str = "refund", weeks: float = 0) -> Rated:
    """`1a 2r`: person 1 approved, person 2 rejected."""
    at = (START + timedelta(weeks=weeks)).timestamp()
    names = {"a": "approve", "r": "reject", "e": "edit"}
    return Rated(action, tuple(Rating(int(one[0]), names[one[1]], at) for one in said.split()))


def test_the_last_word_of_each_person_counts() -> None:
    told = [{"reviewer": 1, "verdict": verdict, "at": at} for verdict, at in (("approve", 1.0), ("reject", 2.0))]
    assert Rated.read("refund", told).ratings == (Rating(1, "reject", 2.0),)


def test_actions_are_told_apart_the_most_rated_first() -> None:
    items = [item("1a 2a", action="note"), *[item("1a 2r")] * 2]
    apart, more = by_action(items)
    assert [(name, found.items, found.unanimous.value) for name, found in apart] == [
        ("refund", 2, 0.0),
        ("note", 1, 1.0),
    ]
    assert more == 0
    assert agreement(items).unanimous.value == pytest.approx(1 / 3)


def test_every_two_people_who_judged_the_same_are_a_pair() -> None:
    items = [item("2a 1a 3r"), item("1a 2r"), item("1a 2a")]
    found, more = pairs(items)
    assert [(pair.one, pair.other, pair.kappa.items) for pair in found] == [(1, 2, 3), (1, 3, 1), (2, 3, 1)]
    assert found[0].same.value == pytest.approx(2 / 3)
    assert more == 0
    assert [(pair.one, pair.other) for pair in pairs(items, of=3)[0]] == [(1, 3), (2, 3)]


def test_agreement_counts_in_the_week_of_the_rating_and_the_rest_is_what_one_had_no_part_in() -> None:
    items = [item("1a 2a"), item("1r 2a", weeks=1), item("2a 3a", weeks=1.9), item("2a 3a", weeks=WEEKS)]
    own, rest = agreed_by_week(items, start=START)
    assert own[1][:3] == [Count(1, 1), Count(0, 1), Count()]
    assert own[2][:2] == [Count(1, 1), Count(1, 2)]
    assert rest[1][:2] == [Count(), Count(2, 2)]
    assert rest[3][:2] == [Count(2, 2), Count(0, 2)]
    assert set(own) == {1, 2, 3}


def test_among_several_half_of_the_others_are_enough_to_agree() -> None:
    own, _rest = agreed_by_week([item("1a 2a 3r"), item("1a 2r 3r")], start=START)
    assert own[1][0] == Count(1, 2)
