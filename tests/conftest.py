"""What all tests share."""

from collections.abc import Iterator
from functools import cache

import pytest
from django.db import connection
from django.test import TransactionTestCase
from psycopg import sql
from pytest_django import DjangoDbBlocker

END_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

# Queues and sums have tables but no models, and a flush of Django's would pass them over.
TABLES = """
    SELECT relname FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
     ORDER BY relname
"""
# What Django makes again after a flush, always the same, and what it knows of migrations.
LASTING = {"django_content_type", "auth_permission", "django_migrations"}


@cache
def emptying() -> sql.Composed:
    """Deletes all rows of all tables, whatever guards them and in whatever order."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        found = [table for (table,) in cursor.fetchall() if table not in LASTING]
    return sql.SQL("; ").join(
        [
            sql.SQL("BEGIN; SET LOCAL session_replication_role = replica"),
            *(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)) for table in found),
            sql.SQL("COMMIT"),
        ]
    )


def empty_tables(_case: TransactionTestCase) -> None:
    """Django would truncate: of a hundred tables with their indexes and partitions that takes ten times as long."""
    with connection.cursor() as cursor:
        cursor.execute(emptying())


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database; threads that still hold a connection at the end do not keep it from being dropped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(END_OTHERS)
