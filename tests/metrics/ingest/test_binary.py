"""Every value that is packed by hand comes out of PostgreSQL as it went in."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from metrics.ingest import binary

VALUES: list[tuple[str, list[Any]]] = [
    ("bool", [True, False, None]),
    ("int2", [0, -1, 32_767, None]),
    ("int4", [0, -1, 2**31 - 1, -(2**31), None]),
    ("int8", [0, -1, 2**63 - 1, -(2**63), None]),
    ("float8", [0.0, -1.5, 1e300, None]),
    ("numeric", [0, 1, -1, 9_999, 10_000, 10_001, 10**20, -(10**27) + 7, 123_456_789_012_345_678_901, None]),
    ("text", ["", "x", "Grüße 👋", None]),
    ("bytea", [b"", b"\x00\xff", None]),
    ("jsonb", [{}, {"a": [1, None, "ü"]}, None]),
    ("timestamptz", [datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), None]),
    ("int4[]", [[], [1], [-1, 2**31 - 1, 7], None]),
    ("int8[]", [[], [-(2**63), 2**63 - 1], None]),
    ("text[]", [[], ["a", "", "ü"], None]),
    ("bytea[]", [[], [b"\x00", None, b"x"], None]),
]


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(one) for one in value]
    return bytes(value) if isinstance(value, memoryview) else value


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "values"), VALUES, ids=[kind for kind, _ in VALUES])
def test_values_survive_the_way_in(kind: str, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE packed (place int4, value {kind}) ON COMMIT DROP")
        with cursor.copy("COPY packed FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(binary.rows(["int4", kind], list(enumerate(values))))
        cursor.execute("SELECT value FROM packed ORDER BY place")
        found = [plain(value) for (value,) in cursor.fetchall()]
    if kind == "jsonb":
        found = [value if value is None or isinstance(value, dict) else json.loads(value) for value in found]
    assert found == values
