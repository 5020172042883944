"""JSON bodies of requests, with every number exactly as it was sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.parsers import BaseParser

from console.lib.http import Problem


class ExactJsonParser(BaseParser):
    """application/json, checked by orjson and read by Python: orjson rounds whole numbers beyond 64 bits to floats.

    What a reviewer approves has to be what the agent runs with, down to the last digit of an account number.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The value of the body; Problem 400 when it is no JSON, 413 when it is too large."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise Problem(413, f"The body is larger than {limit} bytes.")
        try:
            orjson.loads(body)
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, ValueError) else "nested too deeply"
            raise Problem(400, f"The body is not valid JSON: {reason}", errors={"body": [reason]}) from None
