"""Frameworks that cannot live in the console's own environment are tested in one of their own, where it was made.

The OpenAI Agents SDK is imported as `agents`, and so is a part of the console; CrewAI holds back libraries that the
console needs newer. `make frameworks` makes the environments, from the pins in `sdk/pins`.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SDK = Path(__file__).resolve().parent.parent
BESIDE = SDK.parent / ".venv" / "beside"


# CrewAI warns of itself when it is imported.
FRAMEWORKS: dict[str, list[str]] = {"openai-agents": [], "crewai": ["-W", "ignore"]}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_adapter_works_with_the_framework_of_its_own_environment(framework: str) -> None:
    python = BESIDE / framework / "bin" / "python"
    if not python.exists():
        pytest.skip(f"there is no {python.parent.parent}: make frameworks")
    folder = f"tests/beside/{framework.replace('-', '_')}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DJANGO"))}
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FRAMEWORKS[framework], folder],
        cwd=SDK,
        env={**environment, "HANDRAIL_BESIDE": framework},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
