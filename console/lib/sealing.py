"""Secrets that have to be read again, kept encrypted in the database.

Fernet (AES-128-CBC with HMAC-SHA256; https://github.com/fernet/spec) under a key derived from SECRET_KEY for one
purpose: a copy of the database alone tells nothing. SECRET_KEY_FALLBACKS are still read, and never written with.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(ValueError):
    """What was sealed cannot be read: SECRET_KEY has changed, or somebody has changed the text."""


def seal(text: str, *, purpose: str) -> bytes:
    """The text encrypted; only `unseal` with the same purpose reads it."""
    return _fernet(purpose).encrypt(text.encode())


def unseal(sealed: bytes, *, purpose: str) -> str:
    """The text that was sealed. Raises Unreadable."""
    try:
        return _fernet(purpose).decrypt(sealed).decode()
    except InvalidToken:
        raise Unreadable(f"what was sealed for {purpose} cannot be read with this SECRET_KEY") from None


def _fernet(purpose: str) -> MultiFernet:
    return _fernet_of(purpose, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=32)
def _fernet_of(purpose: str, secret_keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived(secret_key, purpose)) for secret_key in secret_keys])


def _derived(secret_key: str, purpose: str) -> bytes:
    derived = HKDF(SHA256(), length=32, salt=None, info=f"handrail: {purpose}".encode()).derive(secret_key.encode())
    return base64.urlsafe_b64encode(derived)
