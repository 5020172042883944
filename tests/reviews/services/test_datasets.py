"""Freezing examples into versions of a dataset."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction

from agents.authentication import Caller
from agents.models import AuditEvent, Project
from console.lib import clock
from reviews.models import DatasetCandidate, DatasetPart, DatasetVersion
from reviews.serializers.feedback import line_of
from reviews.services import freezes, work
from reviews.services.datasets import Busy, freeze
from reviews.services.outcomes import record_outcome
from reviews.states import Verdict
from tests.reviews.conftest import make_person
from tests.reviews.datasets import Decided, decider, frozen, lines_of, make_dataset, written_last


@pytest.fixture(autouse=True)
def of_one_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviews.services.datasets.settled_end", written_last)


@pytest.fixture
def decided(project: Project, agent: Caller, ana: Caller) -> Decided:
    return decider(project, agent, ana)


@pytest.fixture
def lead(project: Project) -> Caller:
    return Caller(user=make_person("Lea", project, "lead"))


def read(version: DatasetVersion) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines_of(version).splitlines()]


def test_a_version_has_the_newest_revision_of_what_matches_and_hashes_to_its_lines(
    project: Project, agent: Caller, decided: Decided, lead: Caller
) -> None:
    approved = decided(arguments={"amount": 5}, session_id="s1")
    decided(Verdict.REJECT, reason="no", arguments={"amount": 6})
    decided(action="delete_rows", arguments={"table": "x"})
    record_outcome(approval=approved, by=agent, status="succeeded", detail={}, now=clock.now())
    version = frozen(make_dataset(project, lead, filters={"action": "process_refund"}), lead)
    lines = read(version)
    assert version.status == "ready"
    assert version.content_hash == hashlib.sha256(lines_of(version)).hexdigest()
    assert {line["verdict"] for line in lines} == {"approve", "reject"}
    first = next(line for line in lines if line["verdict"] == "approve")
    assert first["revision"] == 2
    assert first["outcome"]["status"] == "succeeded"
    assert "cursor" not in first
    assert version.examples == version.matching == 2


@pytest.mark.parametrize(
    ("filters", "actions"),
    [
        ({"verdict": "reject"}, {"b"}),
        ({"label": "odd"}, {"b"}),
        ({"agent": "support"}, {"a"}),
        ({"outcome": "succeeded"}, {"a"}),
        ({"outcome": "none"}, {"b"}),
        ({"since": "2020-01-01T00:00:00Z", "until": "2021-01-01T00:00:00Z"}, set()),
        ({"since": "2020-01-01T00:00:00Z"}, {"a", "b"}),
    ],
)
def test_a_filter_chooses_by_what_an_example_says(
    project: Project, agent: Caller, decided: Decided, lead: Caller, filters: dict[str, str], actions: set[str]
) -> None:
    good = decided(action="a", agent="support")
    decided(Verdict.REJECT, reason="no", action="b", labels=("odd",))
    record_outcome(approval=good, by=agent, status="succeeded", detail={}, now=clock.now())
    version = frozen(make_dataset(project, lead, filters=filters), lead)
    assert {line["action"] for line in read(version)} == actions


def test_examples_that_ask_the_same_are_one_with_its_copies_counted(
    project: Project, decided: Decided, lead: Caller
) -> None:
    decided(arguments={"a": 1, "b": 2.0})
    decided(Verdict.REJECT, reason="not any more", arguments={"b": 2, "a": 1})
    decided(arguments={"a": 1, "b": 2}, context={"tier": "vip"})
    version = frozen(make_dataset(project, lead), lead)
    lines = {line["copies"]: line for line in read(version)}
    assert version.examples == 2
    assert version.matching == 3
    assert lines[2]["verdict"] == "reject"
    assert lines[2]["contested"] is True
    assert version.card["duplicates"] == 1
    assert version.card["contested"] == 1


def test_a_session_is_never_in_two_splits(project: Project, decided: Decided, lead: Caller) -> None:
    for number in range(60):
        decided(arguments={"n": number}, session_id=f"s{number % 12}")
    version = frozen(make_dataset(project, lead, shares={"train": 50, "validation": 25, "test": 25}), lead)
    splits: dict[str, set[str]] = {}
    for line in read(version):
        splits.setdefault(line["session_id"], set()).add(line["split"])
    assert all(len(found) == 1 for found in splits.values())
    assert len(set.union(*splits.values())) > 1
    assert sum(version.card["counts"]["split"].values()) == 60


def test_two_versions_of_the_same_examples_have_the_same_hash(project: Project, decided: Decided, lead: Caller) -> None:
    for number in range(5):
        decided(arguments={"n": number})
    dataset = make_dataset(project, lead)
    first, second = frozen(dataset, lead), frozen(dataset, lead)
    assert (first.number, second.number) == (1, 2)
    assert first.content_hash == second.content_hash
    decided(arguments={"n": 99})
    assert frozen(dataset, lead).content_hash != first.content_hash


def test_the_card_counts_what_is_in_the_version(project: Project, decided: Decided, lead: Caller) -> None:
    decided(arguments={"n": 1}, agent="support", labels=("fine",))
    decided(Verdict.REJECT, reason="no", arguments={"n": 2}, agent="support")
    decided(Verdict.REJECT, reason="no", arguments={"n": 3})
    card = frozen(make_dataset(project, lead), lead).card
    assert card["counts"]["verdict"] == {"reject": 2, "approve": 1}
    assert card["balance"] == {"reject": 0.6667, "approve": 0.3333}
    assert card["counts"]["label"] == {"(none)": 2, "fine": 1}
    assert card["counts"]["agent"] == {"support": 2, "(none)": 1}
    assert card["counts"]["action"] == {"process_refund": 3}
    assert card["policy_versions"] == [1]
    assert card["period"][0] <= card["period"][1]


def test_personal_data_is_masked_unless_the_dataset_says_otherwise(
    project: Project, decided: Decided, lead: Caller
) -> None:
    decided(arguments={"to": "ana@example.org"})
    masked = frozen(make_dataset(project, lead), lead)
    plain = frozen(make_dataset(project, lead, name="As it is", masks=False), lead)
    assert b"ana@example.org" not in lines_of(masked)
    assert masked.card["masked"]["email"] >= 1
    assert b"ana@example.org" in lines_of(plain)
    assert plain.masking is None


def test_numbers_too_large_for_json_readers_are_exact_text(project: Project, decided: Decided, lead: Caller) -> None:
    decided(arguments={"account": 2**70})
    (line,) = read(frozen(make_dataset(project, lead), lead))
    assert line["proposed_arguments"]["account"] == str(2**70)
    assert "/proposed_arguments/account" in line["exact_numbers"]


def test_what_is_ready_never_changes(project: Project, decided: Decided, lead: Caller) -> None:
    decided()
    version = frozen(make_dataset(project, lead), lead)
    assert not DatasetCandidate.objects.exists()
    with pytest.raises(DatabaseError), transaction.atomic():
        DatasetVersion.objects.filter(pk=version.pk).update(examples=7)
    with pytest.raises(DatabaseError), transaction.atomic():
        DatasetPart.objects.filter(version=version).update(rows=7)


def test_a_version_that_is_cut_short_after_any_step_equals_an_undisturbed_one(
    project: Project, decided: Decided, lead: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freezes, "COLLECT_ROWS", 3)
    monkeypatch.setattr(freezes, "PART_ROWS", 2)
    for number in range(11):
        decided(arguments={"n": number % 7}, session_id=f"s{number % 4}")
    dataset = make_dataset(project, lead)
    undisturbed = frozen(dataset, lead)
    version = freeze(dataset=dataset, by=lead, now=clock.now())
    turns = 0
    more = True
    while more:  # Every step by another worker; the one before never came back.
        more = freezes.advance(version_id=version.pk, line=line_of, clock=clock.now, seconds=0)
        turns += 1
    version.refresh_from_db()
    assert turns > 8
    assert lines_of(version) == lines_of(undisturbed)
    assert version.content_hash == undisturbed.content_hash
    assert version.card == undisturbed.card


def test_an_error_in_the_middle_is_tried_again_behind_the_last_step(
    project: Project, decided: Decided, lead: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freezes, "PART_ROWS", 2)
    for number in range(6):
        decided(arguments={"n": number})
    dataset = make_dataset(project, lead)
    undisturbed = frozen(dataset, lead)
    version = freeze(dataset=dataset, by=lead, now=clock.now())
    written = 0

    def failing(example: Any) -> dict[str, Any]:
        nonlocal written
        written += 1
        if written == 4:
            raise OSError("the disk is full")
        return line_of(example)

    with pytest.raises(OSError):
        freezes.advance(version_id=version.pk, line=failing, clock=clock.now, seconds=9)
    assert not freezes.advance(version_id=version.pk, line=line_of, clock=clock.now, seconds=9)
    version.refresh_from_db()
    assert version.status == "running"  # The lease of the one that failed has not run out.
    later = clock.now() + 2 * work.LEASE
    freezes.advance(version_id=version.pk, line=line_of, clock=lambda: later, seconds=9)
    version.refresh_from_db()
    assert version.content_hash == undisturbed.content_hash


def test_what_fails_again_and_again_is_given_up(project: Project, decided: Decided, lead: Caller) -> None:
    decided()
    version = freeze(dataset=make_dataset(project, lead), by=lead, now=clock.now())

    def failing(example: Any) -> dict[str, Any]:
        raise OSError("the disk is full")

    now = clock.now()
    for attempt in range(work.ATTEMPTS_MAX + 1):
        moment = now + attempt * 2 * work.LEASE
        try:
            freezes.advance(version_id=version.pk, line=failing, clock=partial(max, moment, now), seconds=9)
        except OSError:
            continue
    version.refresh_from_db()
    assert version.status == "failed"
    assert version.error == work.GAVE_UP


def test_one_version_at_a_time_is_made(project: Project, lead: Caller) -> None:
    dataset = make_dataset(project, lead)
    freeze(dataset=dataset, by=lead, now=clock.now())
    with pytest.raises(Busy):
        freeze(dataset=dataset, by=lead, now=clock.now())


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"filters": {"verdict": "maybe"}}, "verdict"),
        ({"filters": {"colour": "red"}}, "colour"),
        ({"filters": {"since": "yesterday"}}, "since"),
        ({"filters": {"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}}, "until"),
        ({"shares": {"train": 80, "test": 10}}, "shares"),
        ({"shares": {"train": 100.0}}, "shares"),
    ],
)
def test_what_cannot_be_is_refused_by_field(project: Project, lead: Caller, fields: Any, field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        make_dataset(project, lead, **fields)
    assert list(refused.value.message_dict) == [field]


def test_a_name_is_taken_once_and_everything_is_audited(project: Project, lead: Caller) -> None:
    dataset = make_dataset(project, lead)
    freeze(dataset=dataset, by=lead, now=clock.now())
    with pytest.raises(ValidationError):
        make_dataset(project, lead, name="REFUNDS")
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {"dataset.created", "dataset.frozen"}
