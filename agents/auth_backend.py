"""Makes `user.has_perm("approval.decide", project)` answer from the person's role in that project."""

from typing import Any

from django.contrib.auth.backends import BaseBackend

from agents.models import Project
from agents.selectors import permissions_of


class RoleBackend(BaseBackend):
    """Permissions in a project come from membership alone: a superuser who is no member sees nothing."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        if not isinstance(obj, Project) or not user_obj.is_active or user_obj.is_anonymous:
            return False
        return perm in permissions_of(user_obj.pk, obj.pk)
