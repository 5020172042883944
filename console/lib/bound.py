"""Statements past Django's cursor: their parameters travel beside them instead of being written into them.

Django's own cursor quotes every value into the statement, which the server then takes apart again. That is the simpler
way, and costs nothing where values are few; here are the ways for large ones and for many rows. Errors are Django's.
What is sent at once is one query where Django counts them.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from json import JSONDecoder
from typing import Any

import psycopg
from django.db import connection
from psycopg.types.json import set_json_loads

_decode = JSONDecoder().decode


def rows(query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What a query finds, transferred in PostgreSQL's binary form: read in a third of the time that Django takes."""
    connection.ensure_connection()
    _count(query)
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(query.encode(), parameters, binary=True)
        return cursor.fetchall()


def read_json(text: str | bytes) -> Any:
    """JSON as the standard library reads it, numbers of any size included, without its look at how text is encoded."""
    return _decode(text.decode() if isinstance(text, bytes) else text)


def together(
    statements: Sequence[str], parameters: Mapping[str, Any], *, json: Callable[[str | bytes], Any] = read_json
) -> list[list[tuple[Any, ...]]]:
    """What each of several statements finds, which share parameters and are sent to the server together.

    They stay prepared for as long as the connection lives, unless a pooler stands between (DATABASE_POOLED). `json`
    makes values of what is stored as JSON.
    """
    connection.ensure_connection()
    _count("; ".join(statements))
    raw = connection.connection
    with connection.wrap_database_errors, ExitStack() as stack:
        # One each: what has arrived for a cursor is gone once it is used again.
        cursors = [stack.enter_context(psycopg.Cursor(raw)) for _ in statements]
        for cursor in cursors:
            set_json_loads(json, cursor)
        with raw.pipeline():
            for cursor, statement in zip(cursors, statements, strict=True):
                cursor.execute(statement.encode(), parameters, prepare=True, binary=True)
        return [cursor.fetchall() if cursor.description else [] for cursor in cursors]


def copy(table: str, columns: Sequence[str], content: bytes) -> None:
    """Adds rows to a table by COPY: `content` is its whole input in PostgreSQL's binary form."""
    connection.ensure_connection()
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection) as cursor,
        cursor.copy(statement.encode()) as copying,
    ):
        copying.write(content)


def _count(sql: str) -> None:
    if connection.queries_logged:
        connection.queries_log.append({"sql": sql, "time": "0.000"})
