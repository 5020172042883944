"""The sender of the ingest tests."""

from tests.metrics.ingest.conftest import at_recording, new_sender, sender

__all__ = ["at_recording", "new_sender", "sender"]
