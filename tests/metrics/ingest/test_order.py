"""Rows go in by key, whatever order they come in: two batches that share rows then never wait in a circle."""

from typing import Any

from django.db import connection
from django.test import Client

from tests.metrics.ingest import payloads
from tests.metrics.ingest.conftest import Sender


def as_written(table: str, key: str) -> list[Any]:
    """The keys of a table's rows in the order in which they were written."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {key} FROM {table} ORDER BY tableoid, ctid")
        return [bytes(value) if isinstance(value, memoryview) else value for (value,) in cursor.fetchall()]


def without_room(table: str) -> None:
    """Leaves no room behind that rows of other tests have had, which would be filled in another order."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table}")


def test_log_records_are_written_in_the_order_of_their_key(sender: Sender) -> None:
    without_room("metrics_log")
    assert sender.post("/v1/logs", payloads.logs([("INFO", f"line {number}") for number in range(20)])).status == 200
    keys = as_written("metrics_log", "id")
    assert len(keys) == 20
    assert keys == sorted(keys)


def test_metric_points_are_written_in_the_order_of_their_key(sender: Sender) -> None:
    without_room("metrics_point")
    points = [{"name": f"depth-{number:02}", "value": 1} for number in reversed(range(20))]
    headers = {"authorization": f"Bearer {sender.key}"}
    reply = Client().post("/api/v1/events", {"metrics": points}, content_type="application/json", headers=headers)
    assert reply.status_code == 200
    assert as_written("metrics_point", "name") == [f"depth-{number:02}" for number in range(20)]
