"""Strict fields: what an agent sends is taken as it is or refused with the field's name, never guessed at."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

OBJECT_BYTES_MAX = 262_144
OBJECT_DEPTH_MAX = 32


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know: a misspelt `timeout_secnds` must not be silently ignored.

    An optional field that is null counts as not sent.
    """

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            message = _("must be an object, not %(type)s") % {"type": json_type(data)}
            raise serializers.ValidationError({"non_field_errors": [message]})
        values: dict[str, Any] = {}
        problems: dict[str, Any] = {}
        # Of twenty fields a body has five: only those are looked at, which is most of what validating costs.
        for name, value in {**self._missing, **data}.items():
            field = self._by_name.get(name)
            if field is None:
                problems[str(name)[:100]] = [_("is not a field of this request")]
            elif value is not None or field.required:
                try:
                    values[name] = self._checked(field, value)
                except serializers.ValidationError as error:
                    problems[name] = error.detail
        if problems:
            raise serializers.ValidationError(problems)
        return values

    def run_validators(self, value: Any) -> None:
        """Only if there are any: none of the fields fills itself in."""
        if self.validators:
            super().run_validators(value)

    def _checked(self, field: serializers.Field[Any, Any, Any, Any], value: Any) -> Any:
        further = getattr(self, f"validate_{field.field_name}", None)
        valid = field.run_validation(value)
        return further(valid) if further else valid

    @cached_property
    def _by_name(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return dict(self.fields.items())

    @cached_property
    def _missing(self) -> dict[str, Any]:
        """What a body without any fields leaves out and must not."""
        return {name: serializers.empty for name, field in self._by_name.items() if field.required}


class Text(serializers.CharField):
    """Text: a number is not one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError(_("must be text, not %(type)s") % {"type": json_type(data)})
        return super().to_internal_value(data)


class Number(serializers.FloatField):
    """A finite number: text and booleans are not."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise serializers.ValidationError(_("must be a number, not %(type)s") % {"type": json_type(data)})
        if not math.isfinite(data):
            raise serializers.ValidationError(_("must be a finite number"))
        return super().to_internal_value(data)


class WholeNumber(serializers.IntegerField):
    """A whole number: text, booleans and fractions are not."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int | float) or data != data // 1:
            raise serializers.ValidationError(_("must be a whole number"))
        return super().to_internal_value(int(data))


class TextList(serializers.ListField):
    """A list of short texts."""

    child = Text(max_length=100)

    def to_internal_value(self, data: Any) -> list[str]:
        if not isinstance(data, list):
            raise serializers.ValidationError(_("must be a list, not %(type)s") % {"type": json_type(data)})
        return [str(entry) for entry in super().to_internal_value(data)]


@extend_schema_field({"type": "object", "additionalProperties": True})
class BoundedObject(serializers.Field[Any, Any, Any, Any]):
    """A JSON object that is bounded in bytes and depth and that PostgreSQL can store."""

    def __init__(self, *, max_bytes: int = OBJECT_BYTES_MAX, **options: Any) -> None:
        super().__init__(**options)
        self.max_bytes = max_bytes

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError(_("must be an object, not %(type)s") % {"type": json_type(data)})
        problem = _problem_in(data, self.max_bytes)
        if problem:
            raise serializers.ValidationError(problem)
        return data

    def to_representation(self, value: Any) -> Any:
        return value


def _problem_in(data: dict[str, Any], max_bytes: int) -> str | None:
    layer: list[Any] = [data]
    for _depth in range(OBJECT_DEPTH_MAX):
        layer = [child for node in layer for child in _children(node)]
        if not layer:
            break
    else:
        return _("must be nested at most %(depth)d deep") % {"depth": OBJECT_DEPTH_MAX}
    text = json.dumps(data, ensure_ascii=False)
    if len(text.encode()) > max_bytes:
        return _("must be at most %(bytes)d bytes") % {"bytes": max_bytes}
    if "\\u0000" in text and "\x00" in text.replace("\\\\", "").replace("\\u0000", "\x00"):
        return _("must not contain NUL characters")
    return None


def _children(node: Any) -> list[Any]:
    values = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [value for value in values if isinstance(value, dict | list)]


def json_type(value: object) -> str:
    """What a JSON value is called in an error message."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), "null")
