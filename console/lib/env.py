"""Typed reads of environment variables. An unusable value stops the process with the variable's name."""

import json
import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from console.lib import addresses


def text(name: str, default: str = "") -> str:
    """The variable's value, or `default` when it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def integer(name: str, default: int, *, minimum: int = 0) -> int:
    """A whole number of at least `minimum`; raises ImproperlyConfigured naming the variable."""
    raw = text(name)
    if not raw:
        return default
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {raw!r}") from None
    if value < minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum}, not {value}")
    return value


def boolean(name: str, default: bool = False) -> bool:
    """True for 1, true, yes, on; False for 0, false, no, off; raises ImproperlyConfigured otherwise."""
    raw = text(name).lower()
    if not raw:
        return default
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be yes or no, not {raw!r}")


def words(name: str) -> list[str]:
    """A comma-separated list without empty entries."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def networks(name: str) -> tuple[addresses.Network, ...]:
    """A comma-separated list of networks; raises ImproperlyConfigured naming the variable."""
    try:
        return addresses.networks(words(name))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be networks such as 10.0.0.0/8: {error}") from None


def kept_addresses(path: Path) -> dict[str, str]:
    """The addresses of embedded servers that a running `up` has written down; empty when none runs."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(address) for name, address in kept.items()}
