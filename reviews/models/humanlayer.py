"""Requests that came through the HumanLayer API."""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.db import models

from agents.models.verbatim import VerbatimJSONField


class HumanLayerCall(models.Model):
    """A request that came through the HumanLayer API, under the id that its client chose."""

    class Kind(models.TextChoices):
        FUNCTION_CALL = "function_call"
        CONTACT_REQUEST = "contact_request"

    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="+")
    approval = models.OneToOneField("reviews.Approval", on_delete=models.PROTECT, related_name="humanlayer_call")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    call_id = models.CharField(max_length=200)
    run_id = models.CharField(max_length=200)
    spec = VerbatimJSONField(help_text="As sent: its client gets it back unchanged.")

    class Meta:
        constraints = [
            # The id first: a person's token names no project, so their call is looked for in all that are theirs.
            models.UniqueConstraint(fields=["call_id", "kind", "project"], name="reviews_humanlayer_call_id")
        ]
        triggers = [
            pgtrigger.Protect(name="humanlayer_call_append_only", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return self.call_id

    @property
    def options(self) -> list[dict[str, Any]]:
        """The answers that the agent offers, each with a `name`."""
        name = "reject_options" if self.kind == self.Kind.FUNCTION_CALL else "response_options"
        return self.spec.get(name) or []
