"""first-run.json: where Handrail is, and what the first person and the first agent sign in with."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

NAME = "first-run.json"


def path() -> Path:
    """Where it is kept."""
    folder: Path = settings.DATA_DIR
    return folder / NAME


def read() -> dict[str, Any]:
    """What is kept; empty when the file is gone, as it should be once somebody has noted the credentials."""
    try:
        kept = json.loads(path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def refresh(facts: dict[str, Any]) -> None:
    """Writes facts that are new, unless the file is gone: addresses may be others than at the last start."""
    kept = read()
    if kept and kept != kept | facts:
        write(kept | facts)


def write(content: Mapping[str, Any]) -> None:
    """Replaces the file at once, readable by its owner only, and on the disk before anything relies on it."""
    target = path()
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{NAME}.", dir=target.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(name, target)
