"""Where a request is found. Django makes an address in a tenth of a millisecond, which is much for each row of many."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from django.urls import reverse

_ANY = UUID(int=0)


def page_of(slug: str, approval_id: UUID) -> str:
    """The path of a request's page, in the project of that slug."""
    return _page(slug).replace(str(_ANY), str(approval_id))


@lru_cache(maxsize=1_024)
def _page(slug: str) -> str:
    return reverse("reviews:approval", args=[slug, _ANY])


def one_click_of(slug: str, approval_id: UUID, verdict: str) -> str:
    """The path of the page that asks whether that verdict is meant."""
    return _one_click(slug, verdict).replace(str(_ANY), str(approval_id))


@lru_cache(maxsize=1_024)
def _one_click(slug: str, verdict: str) -> str:
    return reverse("reviews:one-click", args=[slug, _ANY, verdict])


def example_of(slug: str, approval_id: UUID, index: int) -> str:
    """The path of the labelled example of one item of a request."""
    return reverse("reviews:example", args=[slug, approval_id, index])
