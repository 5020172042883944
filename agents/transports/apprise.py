"""Chat programs, pagers and a hundred other services, through Apprise.

What Apprise does with an address is its own affair: it sends from a process of its own, which can reach no private
address, reads no file but its own programs, knows none of our settings, and is ended when it takes too long.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from agents.messages import Link, Message, digest
from agents.transports.base import DETAIL_CHARS, Report

CHILD = "agents.transports.apprise_child"
WHOLE_SECONDS = 30


class NotAService(ValueError):
    """Apprise knows no service by this address, or one of this machine."""


class Apprise:
    """One message to whatever an Apprise URL names."""

    def __init__(self, url: str, *, page: Link) -> None:
        self._url = url
        self._page = page

    def send(self, messages: Sequence[Message], *, now: datetime) -> Report:
        message = digest(messages, page=self._page)
        answer = _ask(url=self._url, title=message.title, body=message.text or message.title)
        return Report(bool(answer.get("sent")), detail=str(answer["detail"])[:DETAIL_CHARS])


def service_of(url: str) -> str:
    """The name of the service that an Apprise URL leads to. Raises NotAService; the message names no secret."""
    answer = _ask(url=url)
    if answer.get("local"):
        raise NotAService("this would notify the machine that Handrail runs on")
    service = answer.get("service")
    if not service:
        raise NotAService("Apprise does not know this address")
    return str(service)


def _ask(**order: str) -> dict[str, Any]:
    """What the child answers. Without a title and a body it only looks at the address."""
    networks = [str(network) for network in settings.OUTBOUND_ALLOWED_NETWORKS]
    try:
        done = subprocess.run(
            [sys.executable, "-m", CHILD],
            input=json.dumps({**order, "networks": networks}).encode(),
            capture_output=True,
            cwd=settings.BASE_DIR,
            env={"PATH": os.defpath},
            timeout=WHOLE_SECONDS,
            check=False,
        )
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"detail": "no answer in time"}
    except ValueError:
        return {"detail": "Apprise ended without a word"}
    assert isinstance(answer, dict)
    return answer
