"""What a trace can be found by, as numbers: one small index serves every filter and their combinations. Pure."""

from functools import lru_cache
from hashlib import blake2b

# The fields that lists filter by equality, besides session and user, which have indexes of their own.
FIELDS = (
    "agent", "model", "tag", "environment", "status", "error", "version", "prompt", "name", "team", "flag",
)  # fmt: skip


@lru_cache(maxsize=65_536)
def digest(project_id: int, field: str, value: str) -> int:
    """A signed 64-bit number for "the trace has this value in this field". Two values hardly ever share one.

    Whoever filters by it checks the column itself as well: a trace keeps the facets of what it once was.
    """
    assert field in FIELDS, field
    text = f"{project_id}\x1f{field}\x1f{value}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big", signed=True)
