"""The taxonomy: which labels a project's reviewers can give to what they decide."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.models import Project
from agents.services import audit
from reviews.models import ApprovalItem, FeedbackSettings, ReasonLabel
from reviews.offered import KEYS, offered
from reviews.selectors.feedback import Taxonomy, taxonomy

NAME_CHARS = 100
DESCRIPTION_CHARS = 200
LABELS_MAX = 50
GIVEN_MAX = 50
"""So many labels can be given to one example."""


class InvalidLabels(ValueError):
    """What is wrong with labels, in words."""


@dataclass(frozen=True)
class LabelDraft:
    """A label as a project wants it. `description` says when to give it."""

    name: str
    description: str = ""


@transaction.atomic
def save_taxonomy(
    *, project: Project, labels: Sequence[LabelDraft], closed: bool, reviewer_names: bool, by: Caller, now: datetime
) -> Taxonomy:
    """Makes these the project's labels, in this order; those that are no longer among them are retired.

    A label is known by its name whatever its case, so that one that was retired comes back as itself. Raises
    InvalidLabels.
    """
    drafts = _cleaned(labels)
    chosen, _made = FeedbackSettings.objects.select_for_update().get_or_create(project=project)
    before = _told(taxonomy(project))
    _write(project, drafts, now)
    chosen.labels_closed, chosen.reviewer_names = closed, reviewer_names
    chosen.save(update_fields=["labels_closed", "reviewer_names"])
    saved = taxonomy(project)
    after = _told(saved)
    changed = {name: {"from": before[name], "to": after[name]} for name in after if before[name] != after[name]}
    if changed:
        target = f"project {project.slug}"
        audit.record(project=project, by=by, action="feedback.settings", target=target, detail=changed, now=now)
    return saved


def _write(project: Project, drafts: Sequence[LabelDraft], now: datetime) -> None:
    known = {label.name.lower(): label for label in ReasonLabel.objects.filter(project=project)}
    for position, draft in enumerate(drafts):
        label = known.pop(draft.name.lower(), None) or ReasonLabel(project=project)
        label.name, label.description, label.position = draft.name, draft.description, position
        label.retired_at = None
        label.save()
    left_out = [label.pk for label in known.values()]
    ReasonLabel.objects.filter(pk__in=left_out, retired_at__isnull=True).update(retired_at=now)


def _cleaned(labels: Iterable[LabelDraft]) -> list[LabelDraft]:
    found: dict[str, LabelDraft] = {}
    for draft in labels:
        name, description = " ".join(draft.name.split()), " ".join(draft.description.split())
        if not name:
            continue
        if len(name) > NAME_CHARS or len(description) > DESCRIPTION_CHARS or "\x00" in name + description:
            limits = {"name": name[:30], "chars": NAME_CHARS, "more": DESCRIPTION_CHARS}
            text = _("“%(name)s” is too long: a label has up to %(chars)d characters, what it means up to %(more)d.")
            raise InvalidLabels(text % limits)
        found.setdefault(name.lower(), LabelDraft(name, description))
    if len(found) > LABELS_MAX:
        raise InvalidLabels(_("At most %(max)d labels.") % {"max": LABELS_MAX})
    return list(found.values())


def _told(now: Taxonomy) -> dict[str, Any]:
    labels = [f"{label.name}: {label.description}" if label.description else label.name for label in now.labels]
    return {"labels": labels, "closed": now.closed, "reviewer_names": now.reviewer_names}


def given(labels: Iterable[str]) -> list[str]:
    """Labels as they are kept: without blanks around them, each once."""
    return list(dict.fromkeys(name for label in labels if (name := label.strip())))


def unknown(project: Project, labels: Collection[str], *, item: ApprovalItem) -> list[str]:
    """Which of the labels given to an item are not to be given: none, unless the project has closed its list.

    What the agent offered to choose from may always be given, for it is by labels that the agent is told. No query
    without labels. Wants the item's request at hand.
    """
    if not labels:
        return []
    known = taxonomy(project)
    if not known.closed:
        return []
    offers = {offer.name for verdict in KEYS for offer in offered(item.approval.context, verdict)}
    return [label for label in labels if label not in offers and label not in known.names]


def faults(project: Project, labels: Sequence[str], *, item: ApprovalItem) -> list[str]:
    """What is wrong with labels that somebody gives to an item, in words; empty when nothing is."""
    if len(labels) > GIVEN_MAX:
        return [_("At most %(max)d labels.") % {"max": GIVEN_MAX}]
    strange = unknown(project, labels, item=item)
    if strange:
        names = ", ".join(label[:NAME_CHARS] for label in strange)
        return [_("The project's list of labels has no %(names)s.") % {"names": names}]
    return []
