"""Receipts: the server's signed word on what was decided, and the hash that ties it to exact arguments."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import rfc8785

from handrail.errors import HandrailError, ReceiptRefused

TYPE = "handrail-receipt+jwt"
ALGORITHM = "EdDSA"
_EXACT_MAX = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says.

    project, issuer: whose request it was, and the address of the server that signed; the keys are the same for all
    projects of a server. approval_id, item: which action of which request. verdict: approve, edit, reject or respond.
    arguments_hash: of the arguments that may run, None when nothing may.
    """

    id: str
    approval_id: str
    item: int
    action: str
    verdict: str
    arguments_hash: str | None
    issued_at: datetime
    expires_at: datetime
    project: str
    issuer: str

    def check(self, *, action: str, arguments: Mapping[str, Any]) -> None:
        """Raise ReceiptRefused unless it was this very action that was approved, with these very arguments."""
        if self.arguments_hash is None:
            raise ReceiptRefused(f"{action} was not approved: the verdict is {self.verdict}", refusal="not_approved")
        if self.action != action or self.arguments_hash != arguments_hash(arguments):
            raise ReceiptRefused(f"{action} was not approved with these arguments", refusal="arguments_differ")


def arguments_hash(arguments: Mapping[str, Any]) -> str:
    """SHA-256 of the arguments in the canonical form of RFC 8785, as 64 hexadecimal digits; the server's is the same.

    Whole numbers that the RFC cannot write (beyond 2**53 - 1) count exactly: see docs/receipts.md. Raises HandrailError
    for what JSON cannot carry.
    """
    try:
        pointers: list[str] = []
        spelled = _spelled(json.loads(json.dumps(arguments, allow_nan=False)), "", pointers)
        canonical = rfc8785.dumps([spelled, sorted(pointers)] if pointers else spelled)
    except (TypeError, ValueError, RecursionError) as error:
        raise HandrailError(f"The arguments cannot be written as JSON: {error}") from error
    return hashlib.sha256(canonical).hexdigest()


def read_receipt(token: str) -> Receipt:
    """What a receipt says, its signature unchecked: for one that came from the server itself. Raises ReceiptRefused."""
    try:
        payload = token.split(".")[1]
        return _parse(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
    except (IndexError, KeyError, ValueError, TypeError):
        raise ReceiptRefused("This is no receipt", refusal="forged") from None


def verify_receipt(
    token: str,
    keys: Mapping[str, Any],
    *,
    project: str,
    action: str,
    arguments: Mapping[str, Any],
    issuer: str | None = None,
    approval_id: str | None = None,
    item: int | None = None,
    now: datetime | None = None,
) -> Receipt:
    """Check a receipt that came from anywhere: signature, project, action, arguments and expiry.

    keys: the server's JWK Set (`Handrail.receipt_keys`). project: the short name of your own, as in its address: people
    of another project of that server may approve for that one only. issuer, approval_id, item: the server's public
    address, the request and its action, compared where they are given. Needs `handrail[receipts]`. Raises
    ReceiptRefused. That it has not been used before only the server knows: `Handrail.consume` asks it.
    """
    receipt = _signed(token, keys, action)
    wanted = {"project": project, "issuer": issuer, "approval_id": approval_id, "item": item}
    for name, value in wanted.items():
        found = getattr(receipt, name)
        if value is not None and found != value:
            raise ReceiptRefused(f"The receipt of {action} is for another {name}: {found}", refusal="forged")
    receipt.check(action=action, arguments=arguments)
    if receipt.expires_at <= (now or datetime.now(timezone.utc)):
        raise ReceiptRefused(f"The receipt of {action} expired at {receipt.expires_at}", refusal="expired")
    return receipt


def _signed(token: str, keys: Mapping[str, Any], action: str) -> Receipt:
    """What the token says, once its signature is found to be of one of the keys."""
    from joserfc import jws
    from joserfc.errors import JoseError
    from joserfc.jwk import OKPKey
    from joserfc.jws import JWSRegistry

    # RFC 9864 renames the algorithm, and the library warns of the old name. The keys are of one curve all the same.
    ed25519 = copy(JWSRegistry.algorithms[ALGORITHM])
    ed25519.security_warning = None
    registry = JWSRegistry(algorithms=[ALGORITHM])
    registry.algorithms = {ALGORITHM: ed25519}
    try:
        header = jws.extract_compact(token.encode("ascii"), registry=registry).headers()
        jwk = next(each for each in keys["keys"] if each["kid"] == header["kid"] and header["typ"] == TYPE)
        key = OKPKey.import_key({name: jwk[name] for name in ("kty", "crv", "x")})
        payload = jws.deserialize_compact(token.encode("ascii"), key, registry=registry).payload
        return _parse(json.loads(payload or b""))
    except (JoseError, StopIteration, KeyError, TypeError, ValueError):
        raise ReceiptRefused(f"The receipt of {action} is not genuine", refusal="forged") from None


def _parse(claims: Any) -> Receipt:
    granted = claims["arguments_hash"]
    return Receipt(
        id=str(claims["jti"]),
        approval_id=str(claims["sub"]),
        item=int(claims["item"]),
        action=str(claims["action"]),
        verdict=str(claims["verdict"]),
        arguments_hash=None if granted is None else str(granted),
        issued_at=datetime.fromtimestamp(claims["iat"], timezone.utc),
        expires_at=datetime.fromtimestamp(claims["exp"], timezone.utc),
        project=str(claims.get("project", "")),
        issuer=str(claims.get("iss", "")),
    )


def _spelled(value: Any, pointer: str, pointers: list[str]) -> Any:
    """The value with every whole number that a double cannot hold as decimal text; notes the JSON pointers to them."""
    if isinstance(value, dict):
        return {
            name: _spelled(child, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}", pointers)
            for name, child in value.items()
        }
    if isinstance(value, list):
        return [_spelled(child, f"{pointer}/{index}", pointers) for index, child in enumerate(value)]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _EXACT_MAX:
        pointers.append(pointer)
        return str(value)
    return value
