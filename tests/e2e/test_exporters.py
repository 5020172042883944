"""OpenTelemetry's own exporters over gRPC, pointed here with an address and a key."""

from typing import Any

import pytest
from grpc import Compression

from tests.e2e.running import Console
from tests.exporting import send_all
from tests.waiting import eventually


def test_a_program_with_opentelemetrys_exporters_shows_up(console: Console, caplog: pytest.LogCaptureFixture) -> None:
    send_all(console.otlp_grpc_url, console.api_key, Compression.Gzip)
    # An exporter that fails only logs it.
    assert [record.message for record in caplog.records if record.name.startswith("opentelemetry")] == []

    def traces() -> list[dict[str, Any]]:
        with console.agent() as agent:
            found = agent.get("/api/v1/traces").json()["results"]
            return [trace for trace in found if trace["name"] == "chat gpt-4o-mini"]

    [trace] = eventually(traces)
    assert (trace["input_tokens"], trace["output_tokens"], trace["models"]) == (100, 20, ["gpt-4o-mini"])
