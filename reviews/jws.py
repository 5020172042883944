"""Signing and checking receipts: JSON Web Signatures (RFC 7515) by Ed25519 keys (RFC 8037). Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import copy
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

ALGORITHM = "EdDSA"
TYPE = "handrail-receipt+jwt"


class Forged(ValueError):
    """The token is none of ours: malformed, of an unknown key, or not signed by it."""


def _registry() -> JWSRegistry:
    # RFC 9864 renames the algorithm to Ed25519, and the library warns of the old name. Verifiers in the field know the
    # old one, and all our keys are of this one curve, so that it is not ambiguous here.
    ed25519 = copy(JWSRegistry.algorithms[ALGORITHM])
    ed25519.security_warning = None
    registry = JWSRegistry(algorithms=[ALGORITHM])
    registry.algorithms = {ALGORITHM: ed25519}
    return registry


_REGISTRY = _registry()


def new_key() -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A fresh key: its id (the JWK's thumbprint, RFC 7638), its public and its private JWK."""
    key = OKPKey.generate_key("Ed25519")
    kid = key.thumbprint()
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
    return kid, public, dict(key.as_dict(private=True))


def key_of(jwk: Mapping[str, Any]) -> OKPKey:
    """The key that a JWK describes. Raises ValueError when it describes none of ours."""
    try:
        return OKPKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "d") if name in jwk})
    except (JoseError, KeyError) as error:
        raise ValueError(f"not an Ed25519 key: {error}") from None


def sign(claims: Mapping[str, Any], *, kid: str, key: OKPKey) -> str:
    """The claims as a token in the compact form, signed with a private key."""
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": kid}
    payload = json.dumps(claims, separators=(",", ":"), ensure_ascii=False).encode()
    return jws.serialize_compact(header, payload, key, registry=_REGISTRY)


def kid_of(token: str) -> str:
    """Which key a token says it is signed with; nothing is checked yet. Raises Forged."""
    try:
        header = jws.extract_compact(token.encode("ascii"), registry=_REGISTRY).headers()
    except (JoseError, ValueError):
        raise Forged("this is no receipt") from None
    if header.get("typ") != TYPE or not isinstance(header.get("kid"), str):
        raise Forged("this is no receipt")
    return str(header["kid"])


def claims_of(token: str, *, public_jwk: Mapping[str, Any]) -> dict[str, Any]:
    """What a token says, once its signature is found good. Raises Forged. Its expiry is the caller's to look at."""
    try:
        signed = jws.deserialize_compact(token.encode("ascii"), key_of(public_jwk), registry=_REGISTRY)
        claims = json.loads(signed.payload or b"")
    except (JoseError, ValueError):
        raise Forged("the signature is not good") from None
    if not isinstance(claims, dict):
        raise Forged("this is no receipt")
    return claims
