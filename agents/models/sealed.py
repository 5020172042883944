"""A column that is encrypted at rest."""

from typing import Any

from django.db import models

from console.lib.sealing import seal, unseal


class SealedTextField(models.BinaryField[str, str]):
    """Text that the database holds sealed, for a purpose named after the model and the field. Empty text stays empty.

    Reading what another SECRET_KEY has sealed raises `console.lib.sealing.Unreadable`.
    """

    def _purpose(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"

    def from_db_value(self, value: Any, *_context: Any) -> Any:
        return unseal(bytes(value), purpose=self._purpose()) if value else ""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        sealed = (seal(value, purpose=self._purpose()) if value else b"") if isinstance(value, str) else value
        return super().get_db_prep_value(sealed, connection, prepared)

    def get_default(self) -> Any:
        return ""

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        raise TypeError("sealed columns are not serialised")
