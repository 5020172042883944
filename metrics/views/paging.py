"""Where a page of a list by numbers begins."""

from django.http import HttpRequest


def before_in(request: HttpRequest) -> int | None:
    """The number below which the page begins; what is no number begins at the newest."""
    raw = request.GET.get("before", "")
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 19 else None
