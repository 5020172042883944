"""Where a request asks for it: whether whoever decides has lately proved who they are, and where they do."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.http import urlencode

from agents.authentication import Caller, proof_address, reauthenticated
from agents.views.person import person


def proved(request: HttpRequest) -> bool:
    """Whether this person has lately proved who they are."""
    return reauthenticated(Caller(user=person(request)), request).reauthenticated


def proof_url(request: HttpRequest, back: str) -> str:
    """Where one proves who one is, and comes back from to the address `back`."""
    return f"{proof_address(request, person(request))}?{urlencode({'next': back})}"
