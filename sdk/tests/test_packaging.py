"""What a released distribution must carry."""

from __future__ import annotations

from pathlib import Path

SDK = Path(__file__).resolve().parent.parent


def test_the_distribution_has_the_licence_of_the_whole() -> None:
    assert (SDK / "LICENSE").read_bytes() == (SDK.parent / "LICENSE").read_bytes()
