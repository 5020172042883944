"""API keys that were good a moment ago, so that not every request of an agent asks the database.

Whoever changes a key or its project calls `changed` in the same transaction. What depends on the moment (expiry, the
sender's network, the rate limit) is checked on every request.
"""

from agents.models import ApiKey
from console.lib.remembered import Remembered

LIFE_SECONDS = 5.0


class KnownKeys(Remembered[bytes, ApiKey]):
    """Keys by the hash of their secret. Nothing is known of keys that are not good."""

    def __init__(self) -> None:
        super().__init__("keys", life_seconds=LIFE_SECONDS)

    def was_good(self, secret_hash: bytes) -> bool:
        """Whether the key was good when it was last looked up, which may be a while ago."""
        return secret_hash in self._known


known_keys = KnownKeys()


def changed() -> None:
    """Makes every process forget the keys it knows, once the caller's transaction has committed."""
    known_keys.changed()
