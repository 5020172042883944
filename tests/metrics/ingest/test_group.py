"""Batches that come at once share a transaction, and one that cannot be stored harms none of the others."""

import threading
from collections.abc import Sequence
from concurrent.futures import wait

import pytest
from django.db import DataError, OperationalError

from metrics.ingest.group import GroupWriter


class Store:
    """Records groups; holds the first one up until it is let go, so that others pile up behind it."""

    def __init__(self, *, fail_on: int = -1, error: Exception | None = None) -> None:
        self.groups: list[list[int]] = []
        self.go = threading.Event()
        self.entered = threading.Event()
        self._fail_on, self._error = fail_on, error

    def commit(self, batches: Sequence[int]) -> Sequence[str]:
        self.groups.append(list(batches))
        self.entered.set()
        assert self.go.wait(10)
        if self._error is not None and self._fail_on in batches:
            raise self._error
        return [f"stored {batch}" for batch in batches]


def writer(store: Store, most: int = 100) -> GroupWriter[int, str]:
    return GroupWriter(store.commit, size=lambda batch: batch, most=most)


def piled_up(store: Store, group: GroupWriter[int, str], batches: Sequence[int]) -> list[str | BaseException]:
    first = group.submit(1)
    assert store.entered.wait(10)
    futures = [first, *(group.submit(batch) for batch in batches)]
    store.go.set()
    wait(futures, timeout=10)
    return [future.exception() or future.result() for future in futures]


def test_what_waits_behind_a_commit_is_stored_with_the_next_one() -> None:
    store = Store()
    assert piled_up(store, writer(store), [2, 3, 4]) == ["stored 1", "stored 2", "stored 3", "stored 4"]
    assert store.groups == [[1], [2, 3, 4]]


def test_a_group_waits_for_a_batch_that_is_about_to_be_handed_over() -> None:
    store = Store()
    store.go.set()
    group = writer(store)
    with group.coming():
        first = group.submit(1)
        second = group.submit(2)
    wait([first, second], timeout=10)
    assert store.groups == [[1, 2]]


def test_a_group_takes_no_more_once_it_is_large_enough() -> None:
    store = Store()
    piled_up(store, writer(store, most=50), [40, 30, 20])
    assert store.groups == [[1], [40, 30], [20]]


def test_a_batch_that_cannot_be_stored_fails_alone() -> None:
    store = Store(fail_on=3, error=DataError("bad"))
    found = piled_up(store, writer(store), [2, 3, 4])
    assert [str(one) for one in found] == ["stored 1", "stored 2", "bad", "stored 4"]


def test_a_database_that_is_away_is_not_asked_again_for_every_batch() -> None:
    store = Store(fail_on=3, error=OperationalError("away"))
    found = piled_up(store, writer(store), [2, 3, 4])
    assert [str(one) for one in found] == ["stored 1", "away", "away", "away"]
    assert len(store.groups) == 2


@pytest.mark.django_db(transaction=True)
def test_the_writer_survives_a_failed_group() -> None:
    store = Store(fail_on=2, error=DataError("bad"))
    group = writer(store)
    piled_up(store, group, [2])
    assert group.submit(5).result(timeout=10) == "stored 5"
