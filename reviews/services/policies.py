"""Which policy is in force in a project."""

from __future__ import annotations

from agents.models import Project
from reviews.models import PolicyVersion
from reviews.policy.schema import dump
from reviews.policy.templates import DEFAULT_POLICY


def in_force(*, project: Project) -> PolicyVersion:
    """The newest version of the project's policy; a project without one gets the default as its version 1."""
    newest = PolicyVersion.objects.filter(project=project).order_by("-number").first()
    if newest is not None:
        return newest
    version, _created = PolicyVersion.objects.get_or_create(
        project=project, number=1, defaults={"document": dump(DEFAULT_POLICY), "note": "Default policy"}
    )
    return version
