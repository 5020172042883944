"""The public halves of the keys that sign receipts."""

from __future__ import annotations

from typing import Any

from reviews import jws
from reviews.models import SigningKey


def key_set() -> dict[str, Any]:
    """The JWK Set (RFC 7517) of all keys whose signatures count, newest first."""
    return {"keys": list(SigningKey.objects.trusted().values_list("public_jwk", flat=True))}


def verified_claims(token: str) -> dict[str, Any]:
    """What a receipt says, once its signature by one of our trusted keys is found good. Raises `jws.Forged`."""
    public = SigningKey.objects.trusted().filter(kid=jws.kid_of(token)).values_list("public_jwk", flat=True).first()
    if public is None:
        raise jws.Forged("it is signed by no key of this console")
    return jws.claims_of(token, public_jwk=public)
