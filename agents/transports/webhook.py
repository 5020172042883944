"""Webhooks in the form of Standard Webhooks (https://www.standardwebhooks.com, specification 1.0)."""

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from secrets import token_bytes

from standardwebhooks.webhooks import Webhook as Signer

from agents.messages import Message
from agents.transports.base import DETAIL_CHARS, Report
from console.lib import outbound
from console.lib.addresses import Refused
from console.lib.clock import rfc3339

SECRET_PREFIX = "whsec_"  # noqa: S105  # what secrets begin with
SECRET_BYTES = 32


def new_secret() -> str:
    """A fresh signing secret: `whsec_` and 32 random bytes in base64."""
    return SECRET_PREFIX + b64encode(token_bytes(SECRET_BYTES)).decode()


class Webhook:
    """Posts each message as one JSON object, signed with every secret that is valid now."""

    def __init__(self, url: str, *, secrets: Sequence[str], client: outbound.Client) -> None:
        self._url = url
        self._secrets = secrets
        self._client = client

    def send(self, messages: Sequence[Message], *, now: datetime) -> Report:
        [message] = messages
        if not self._secrets:
            return Report(False, detail="nothing to sign with: the secret cannot be read")
        told = {"type": message.type, "timestamp": rfc3339(message.at), "data": message.data}
        # Not orjson: it refuses whole numbers beyond 64 bits, which arguments and metadata may hold.
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            answer = self._client.post(self._url, body=body, headers=self._headers(message, body, now))
        except Refused as error:
            return Report(False, detail=f"refused: {error}"[:DETAIL_CHARS])
        except outbound.NoAnswer as error:
            return Report(False, detail=str(error)[:DETAIL_CHARS])
        if answer.accepted:
            return Report(True, code=answer.status)
        return Report(
            False,
            code=answer.status,
            detail=f"answered {answer.status}",
            gone=answer.status == HTTPStatus.GONE,
            retry_after=waiting_time(answer.retry_after, now),
        )

    def _headers(self, message: Message, body: bytes, now: datetime) -> dict[str, str]:
        signatures = [
            Signer(secret).sign(msg_id=message.uid, timestamp=now.astimezone(UTC), data=body.decode())
            for secret in self._secrets
        ]
        return {
            "content-type": "application/json",
            "user-agent": "Handrail-Webhooks/1",
            "webhook-id": message.uid,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }


def waiting_time(retry_after: str, now: datetime) -> timedelta | None:
    """How long a Retry-After header (RFC 9110, 10.2.3) asks to wait; None without one that can be read."""
    if retry_after.isascii() and retry_after.isdigit():
        return timedelta(seconds=min(int(retry_after), 10**6))
    try:
        return max(parsedate_to_datetime(retry_after) - now, timedelta(0))
    except (ValueError, TypeError):
        return None
