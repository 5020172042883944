"""Bodies about receipts."""

from __future__ import annotations

from rest_framework import serializers

from reviews.serializers.fields import StrictSerializer, Text, WholeNumber

TOKEN_CHARS_MAX = 20_000
ITEMS_MAX = 1_000


class ConsumeSerializer(StrictSerializer):
    """POST /api/v1/approvals/{id}/consume. `arguments_hash` is of what is about to run; `receipt` may be shown, too."""

    arguments_hash = serializers.RegexField(r"^[0-9a-f]{64}\Z")
    item = WholeNumber(min_value=0, max_value=ITEMS_MAX, required=False)
    receipt = Text(max_length=TOKEN_CHARS_MAX, required=False)
