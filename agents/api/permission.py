"""The gate in front of every API view."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class ProjectIsChecked(BasePermission):
    """Lets only an ApiView through, whose `initial` asks access.py; any other view must open itself knowingly."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(getattr(view, "checks_project", False))
