"""Strict JSON in: 400 when unparsable, and no text that PostgreSQL could not store."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from console.lib.http import parse_json


class StrictJsonParser(BaseParser):
    """application/json by orjson; NaN and NUL characters are refused."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return parse_json(stream.read(), limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
