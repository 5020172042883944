"""A JSON column that keeps what an agent sent as it sent it."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.types.json import Json


class VerbatimJSONField(models.JSONField):
    """PostgreSQL `json`, not `jsonb`: keys stay in the order in which the agent sent them.

    It cannot be searched or compared in SQL; columns that are use JSONField.
    """

    description = "JSON kept in the order in which it was sent"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "json"

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        return value if value is None or isinstance(value, Json) else Json(value)

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        return value  # psycopg has decoded `json` already; Django keeps it from decoding `jsonb` only
