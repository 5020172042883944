"""Statements whose parameters travel beside them."""

from typing import Any

import pytest
from django.db import DataError, connection, transaction

from console.lib import bound

pytestmark = pytest.mark.django_db


def test_each_statement_has_its_own_rows_and_one_that_finds_nothing_has_none() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE said (word text) ON COMMIT DROP")
    statements = (
        "INSERT INTO said SELECT unnest(%(words)s::text[])",
        "SELECT word FROM said ORDER BY word",
        "SELECT count(*), %(more)s::bigint FROM said",
    )
    assert bound.together(statements, {"words": ["b", "a'; --"], "more": 2**40}) == [
        [],
        [("a'; --",), ("b",)],
        [(2, 2**40)],
    ]


def test_a_statement_that_fails_fails_as_djangos_do_and_nothing_of_the_transaction_stays() -> None:
    with pytest.raises(DataError), transaction.atomic():
        bound.together(("SELECT 1", "SELECT 1 / %(zero)s::int", "SELECT 2"), {"zero": 0})
    assert bound.rows("SELECT %(one)s::int", {"one": 1}) == [(1,)]


def test_what_is_sent_at_once_counts_as_one_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        bound.together(("SELECT 1", "SELECT 2"), {})
        bound.rows("SELECT 3", {})
