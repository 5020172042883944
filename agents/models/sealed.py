"""A column that is encrypted at rest."""

import logging
from typing import Any

from django.db import models

from console.lib.sealing import Unreadable, seal, unseal

logger = logging.getLogger(__name__)


class SealedTextField(models.BinaryField[str, str]):
    """Text that the database holds sealed, for a purpose named after the model and the field. Empty text stays empty.

    What another SECRET_KEY has sealed reads as empty, and is logged: one such row must not stop all others.
    """

    def _purpose(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"

    def from_db_value(self, value: Any, *_context: Any) -> Any:
        try:
            return unseal(bytes(value), purpose=self._purpose()) if value else ""
        except Unreadable:
            logger.error("sealed_column_unreadable", extra={"column": self._purpose()})
            return ""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        sealed = (seal(value, purpose=self._purpose()) if value else b"") if isinstance(value, str) else value
        return super().get_db_prep_value(sealed, connection, prepared)

    def get_default(self) -> Any:
        return ""

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        raise TypeError("sealed columns are not serialised")
