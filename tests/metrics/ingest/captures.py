"""The recorded requests of real SDKs, and what a correct console shows for them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "captures"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "EXPECTED.json").read_text())
# The recordings are of this day; later than that, the window of accepted times would refuse them.
RECORDED = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Recording:
    """One request as it was received."""

    path: str
    headers: dict[str, str]
    body: bytes


def recordings(name: str) -> Iterator[Recording]:
    """The OTLP requests of a capture, in order."""
    for body in sorted((FOLDER / name).glob("*.bin")):
        about = json.loads(body.with_suffix(".http.json").read_text())
        headers = {key.lower(): value for key, value in about["headers"]}
        if about["path"].rpartition("/")[2] in {"traces", "logs", "metrics"}:
            yield Recording(about["path"], headers, body.read_bytes())
