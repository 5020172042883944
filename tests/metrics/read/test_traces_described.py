"""What the OpenAPI document says of traces is what comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from tests.metrics.sending import Sending


def test_traces_and_their_spans_are_as_described(sending: Sending, ask: Callable[..., Any]) -> None:
    root = sending.agent(attributes={"gen_ai.agent.version": "7"})
    failed = sending.span("fetch", trace=root.trace_id, parent=root.span_id, error="Timeout")
    sending.send([root, sending.call(root), failed])
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    for name, path in (("TracePage", "traces"), ("Trace", f"traces/{root.trace_id.hex()}")):
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        faults = Draft202012Validator(schema).iter_errors(ask(path).json())
        assert [f"{error.json_path}: {error.message[:200]}" for error in faults] == []
