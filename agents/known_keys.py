"""API keys that were good a moment ago, so that not every request of an agent asks the database.

A key is remembered for five seconds at most, and only while this process hears of changes: whoever changes a key or
its project calls `changed` in the same transaction, and every process then forgets all keys it knew. What depends on
the moment (expiry, the sender's network, the rate limit) is checked on every request.
"""

import threading
import time

from agents.models import ApiKey
from console.lib import notices

TOPIC = "keys"
LIFE_SECONDS = 5.0
MAX_KEYS = 10_000


def changed() -> None:
    """Makes every process forget the keys it knows, once the caller's transaction has committed."""
    notices.send(TOPIC, [""])


class KnownKeys:
    """Keys by the hash of their secret. Nothing is known of keys that are not good."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[bytes, tuple[float, ApiKey]] = {}
        self._listening = False
        self._edition = 0

    @property
    def edition(self) -> int:
        """Changes with every change of any key: to be read before the database is, and given to `keep`."""
        return self._edition

    def find(self, secret_hash: bytes) -> ApiKey | None:
        """The key as the database had it a few seconds ago, or None."""
        known = self._keys.get(secret_hash)
        return known[1] if known is not None and time.monotonic() < known[0] else None

    def was_good(self, secret_hash: bytes) -> bool:
        """Whether the key was good when it was last looked up, which may be a while ago."""
        return secret_hash in self._keys

    def keep(self, secret_hash: bytes, key: ApiKey, *, edition: int) -> None:
        """Remembers a good key, unless something changed since `edition`: the row read may be the one before it."""
        with self._lock:
            if not self._listening or edition != self._edition:
                return
            if len(self._keys) >= MAX_KEYS:
                self._keys.clear()
            self._keys[secret_hash] = (time.monotonic() + LIFE_SECONDS, key)

    def connected(self) -> None:
        """From now on changes are heard of."""
        self._forget(listening=True)

    def heard(self, word: str) -> None:
        """Some key changed. Which one does not matter: keys change a few times a day."""
        self._forget(listening=True)

    def lost(self) -> None:
        """Changes may be missed: nothing is remembered until they are heard of again."""
        self._forget(listening=False)

    def _forget(self, *, listening: bool) -> None:
        with self._lock:
            self._edition += 1
            self._listening = listening
            self._keys.clear()


known_keys = KnownKeys()
notices.listener.subscribe(TOPIC, known_keys)
