"""New rows of several tables in one statement.

`bulk_create` composes SQL value by value, which costs more than PostgreSQL takes to store the rows. Here the rows of a
table are one JSON document, which PostgreSQL takes apart by itself (`json_populate_recordset`), and all tables are
written by one statement, so that it costs one round trip however many tables and rows there are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import orjson
from django.db import connection
from django.db.models import AutoField, JSONField, Model

Prepare = Callable[[Any], Any]


def insert(*tables: Sequence[Model]) -> None:
    """Writes new rows in the caller's transaction; each argument holds rows of one table, or nothing.

    The order does not matter, for Django's foreign keys are checked at the end of the transaction. Numbers that the
    database gives to rows are not read back. Values are as a saved row has them: no `auto_now`, no bytes, no decimals.
    """
    filled = [rows for rows in tables if rows]
    if not filled:
        return
    models = tuple(type(rows[0]) for rows in filled)
    documents = [_document(model, rows) for model, rows in zip(models, filled, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_statement(models), documents)
    for rows in filled:
        for row in rows:
            row._state.adding, row._state.db = False, connection.alias


@lru_cache(maxsize=64)
def _statement(models: tuple[type[Model], ...]) -> str:
    *others, last = (_insert(model) for model in models)
    ahead = ", ".join(f"written_{place} AS ({one})" for place, one in enumerate(others))
    return f"WITH {ahead} {last}" if ahead else last


def _insert(model: type[Model]) -> str:
    quoted = connection.ops.quote_name
    table, columns = quoted(model._meta.db_table), ", ".join(quoted(name) for name, _of, _prepare in _columns(model))
    source = f"json_populate_recordset(NULL::{table}, %s::json)"
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {source}"  # noqa: S608  # names of our models


def _document(model: type[Model], rows: Sequence[Model]) -> str:
    columns = _columns(model)
    found = []
    for row in rows:
        values = row.__dict__
        found.append({name: prepare(values[of]) if prepare else values[of] for name, of, prepare in columns})
    return orjson.dumps(found).decode()


@lru_cache(maxsize=64)
def _columns(model: type[Model]) -> tuple[tuple[str, str, Prepare | None], ...]:
    """Of each column the name, the attribute, and what makes JSON of its value where orjson alone would not do."""
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, AutoField)]
    return tuple(
        (str(field.column), field.attname, _verbatim if isinstance(field, JSONField) else None) for field in fields
    )


def _verbatim(value: Any) -> Any:
    """What a JSON column holds, as psycopg would write it: orjson knows no numbers beyond 64 bits."""
    return None if value is None else orjson.Fragment(json.dumps(value).encode())
