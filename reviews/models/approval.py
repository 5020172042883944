"""Approval requests: what an agent asks leave to do, and the timeline of what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from agents.models.verbatim import VerbatimJSONField
from reviews import states
from reviews.ids import new_id
from reviews.policy.plan import ReviewPlan, load_plan

if TYPE_CHECKING:
    from agents.models import Project

STATUSES = [(status.value, status.value) for status in states.Status]
RISK_LEVELS = [(level, level) for level in ("low", "medium", "high", "critical")]
PRIORITIES = [(name, name) for name in ("low", "normal", "high", "urgent")]
AT_EXPIRY = [(name, name) for name in ("reject", "approve")]
WAITING = sorted(states.WAITING)
DECIDED = sorted(states.DECIDED)


class ApprovalQuerySet(models.QuerySet["Approval"]):
    """Reads of requests that can be chained."""

    def of_project(self, project: Project) -> Self:
        return self.filter(project=project)

    def waiting(self) -> Self:
        """Those on which somebody may still decide, the clock aside."""
        return self.filter(status__in=WAITING, settles_at__isnull=True)

    def decided(self) -> Self:
        return self.filter(status__in=DECIDED)

    def due(self, now: datetime) -> Self:
        """Those whose deadline has passed without a decision and that nobody has expired yet."""
        return self.waiting().filter(expires_at__lte=now)

    def settling(self, now: datetime) -> Self:
        """Those that people have decided and whose time to withdraw is over, but that nobody has closed yet."""
        return self.filter(status__in=WAITING, settles_at__lte=now)

    def in_status(self, status: states.Status, now: datetime) -> Self:
        """Those whose status it is at `now`, whether or not anybody has expired the overdue ones yet."""
        overdue = Q(status__in=WAITING, settles_at__isnull=True, expires_at__lte=now)
        if status is states.Status.EXPIRED:
            return self.filter(Q(status=status) | overdue & Q(at_expiry="reject"))
        return self.filter(~overdue, status=status)

    def by_urgency(self) -> Self:
        """Soonest deadline first; among those due in the same minute, the riskiest first."""
        return self.order_by("due_minute", "-risk_score", "id")

    def newest_first(self) -> Self:
        return self.order_by("-requested_at", "-id")

    def with_parts(self) -> Self:
        """With everything that the API shows of a request, whatever the number of requests in five queries."""
        return (
            self.with_people()
            .select_related("project", "policy_version")
            .prefetch_related("items", "decisions", "events", "receipts")
        )

    def with_people(self) -> Self:
        """With whom a request waits for: the team, whoever it is assigned to, whoever holds it."""
        return self.select_related("routed_to", "assigned_to", "claimed_by")


class Approval(models.Model):
    """One request for approval. What is to be done is in its items: one, or several in a batch."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="approvals")
    status = models.CharField(max_length=16, choices=STATUSES, default=states.Status.PENDING)

    # What was asked.
    action = models.CharField(max_length=200, help_text="Of a batch: the action of its first item.")
    summary = models.CharField(max_length=500, blank=True)
    description = models.TextField(blank=True, help_text="Markdown.")
    context = VerbatimJSONField(default=dict)
    metadata = VerbatimJSONField(default=dict)
    tags = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    priority = models.CharField(max_length=10, choices=PRIORITIES, default="normal")
    team = models.CharField(max_length=100, blank=True)
    confidence = models.FloatField(null=True, blank=True, help_text="The agent's own, 0 to 1.")
    suggestion = models.CharField(max_length=16, blank=True, help_text="The verdict that the agent suggests.")

    # Who asked, and where in its work.
    agent = models.CharField(max_length=200, blank=True)
    agent_version = models.CharField(max_length=100, blank=True)
    session_id = models.CharField(max_length=200, blank=True)
    end_user = models.CharField(max_length=200, blank=True)
    trace_id = models.CharField(max_length=32, blank=True, help_text="32 hexadecimal digits.")
    span_id = models.CharField(max_length=16, blank=True, help_text="16 hexadecimal digits.")
    requested_by_key = models.ForeignKey(
        "agents.ApiKey", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    requested_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    requested_by_label = models.CharField(max_length=200)

    # What the policy made of it.
    policy_version = models.ForeignKey("reviews.PolicyVersion", on_delete=models.PROTECT, related_name="approvals")
    rule = models.CharField(max_length=100, help_text="The rule of the policy that matched.")
    risk_level = models.CharField(max_length=8, choices=RISK_LEVELS)
    risk_score = models.FloatField(help_text="0 to 1.")
    risk = models.JSONField(help_text='{"factors": [{"name", "weight", "detail"}], "explanation": text}')
    rule_trace = models.JSONField(default=list, help_text='[{"rule", "matched", "why"}] in the order of the rules.')
    plan = models.JSONField(default=dict, help_text="What `reviews.policy.plan.load_plan` reads.")

    # What checks of its text have found (metrics.checks), as it came.
    flags = models.JSONField(default=list, help_text="What `metrics.checks.flag.Flag.document` makes.")
    unchecked_chars = models.PositiveIntegerField(default=0, help_text="Characters beyond what is checked.")

    # Times.
    requested_at = models.DateTimeField()
    timeout_seconds = models.PositiveIntegerField()
    on_timeout = models.CharField(max_length=10, default="reject")
    expires_at = models.DateTimeField(help_text="No verdict is accepted from this moment on.")
    due_minute = models.IntegerField(help_text="expires_at in minutes since 1970: items due together sort by risk.")
    callback_url = models.CharField(max_length=500, blank=True)

    # Whom it waits for, and what happens while nobody decides. The indexes that these need are partial: see Meta.
    routed_to = models.ForeignKey(
        "agents.Team", on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    claimed_until = models.DateTimeField(null=True, blank=True, help_text="The claim is a lease: from here on void.")
    escalation_step = models.PositiveSmallIntegerField(default=0, help_text="Counts from 1; 0 before the first.")
    next_step_at = models.DateTimeField(null=True, blank=True, help_text="When the next escalation step begins.")
    remind_at = models.DateTimeField(null=True, blank=True, help_text="When those asked are reminded next.")
    at_expiry = models.CharField(
        max_length=7, choices=AT_EXPIRY, default="reject", help_text="What `expires_at` means, escalation included."
    )

    # Between the verdict and the agent.
    undo_seconds = models.PositiveSmallIntegerField(
        default=0, help_text="For so long a decision can be withdrawn, and the agent is not told of it."
    )
    settles_at = models.DateTimeField(
        null=True, blank=True, help_text="People have decided; from this moment on it counts and the agent is told."
    )

    # What became of it.
    closed_at = models.DateTimeField(null=True, blank=True, help_text="Decided, cancelled or expired.")
    verdict = models.CharField(max_length=8, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_by_label = models.CharField(max_length=200, blank=True, help_text="Who decided, for those who are late.")
    outcome = models.JSONField(null=True, blank=True, help_text='{"status", "detail", "recorded_at", "by"}')

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="reviews_approval_status", condition=Q(status__in=[name for name, _ in STATUSES])
            ),
            models.CheckConstraint(
                name="reviews_approval_risk_level", condition=Q(risk_level__in=[name for name, _ in RISK_LEVELS])
            ),
            models.CheckConstraint(name="reviews_approval_deadline", condition=Q(expires_at__gt=F("requested_at"))),
            models.CheckConstraint(
                name="reviews_approval_verdict_when_decided",
                condition=(Q(status__in=DECIDED) & ~Q(verdict="")) | (~Q(status__in=DECIDED) & Q(verdict="")),
            ),
            models.CheckConstraint(
                name="reviews_approval_closed_unless_waiting",
                condition=Q(status__in=WAITING, closed_at__isnull=True)
                | (~Q(status__in=WAITING) & Q(closed_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="reviews_approval_decided_in_time",
                condition=~Q(status__in=DECIDED) | Q(closed_at__lt=F("expires_at")) | Q(decided_by_label="timeout"),
            ),
            models.CheckConstraint(
                name="reviews_approval_settles_while_waiting",
                condition=Q(settles_at__isnull=True) | Q(status__in=WAITING),
            ),
            models.CheckConstraint(
                name="reviews_approval_outcome_of_granted",
                condition=Q(outcome__isnull=True) | Q(status__in=sorted(states.GRANTED)),
            ),
            models.CheckConstraint(
                name="reviews_approval_claim_is_a_lease",
                condition=Q(claimed_by__isnull=True, claimed_until__isnull=True)
                | Q(claimed_by__isnull=False, claimed_until__isnull=False),
            ),
            models.CheckConstraint(
                name="reviews_approval_steps_before_deadline",
                condition=Q(next_step_at__isnull=True) | Q(next_step_at__lt=F("expires_at")),
            ),
            models.CheckConstraint(
                name="reviews_approval_at_expiry", condition=Q(at_expiry__in=[name for name, _ in AT_EXPIRY])
            ),
        ]
        indexes = [
            models.Index(
                F("project"),
                F("due_minute"),
                F("risk_score").desc(),
                F("id"),
                name="reviews_queue",
                condition=Q(status__in=WAITING),
            ),
            models.Index(fields=["expires_at"], name="reviews_due", condition=Q(status__in=WAITING)),
            models.Index(
                F("routed_to"),
                F("due_minute"),
                F("risk_score").desc(),
                F("id"),
                name="reviews_queue_of_team",
                condition=Q(status__in=WAITING, routed_to__isnull=False),
            ),
            models.Index(
                F("assigned_to"),
                F("due_minute"),
                F("risk_score").desc(),
                F("id"),
                name="reviews_queue_of_person",
                condition=Q(status__in=WAITING, assigned_to__isnull=False),
            ),
            models.Index(
                F("claimed_by"),
                F("due_minute"),
                F("risk_score").desc(),
                F("id"),
                name="reviews_queue_of_holder",
                condition=Q(status__in=WAITING, claimed_by__isnull=False),
            ),
            models.Index(
                fields=["next_step_at"],
                name="reviews_next_step",
                condition=Q(status__in=WAITING, next_step_at__isnull=False),
            ),
            models.Index(
                fields=["remind_at"],
                name="reviews_reminders",
                condition=Q(status__in=WAITING, remind_at__isnull=False),
            ),
            models.Index(fields=["settles_at"], name="reviews_settling", condition=Q(settles_at__isnull=False)),
            models.Index(fields=["project", "-requested_at", "-id"], name="reviews_newest"),
            models.Index(fields=["project", "status", "-requested_at", "-id"], name="reviews_by_status"),
            models.Index(fields=["project", "action", "-requested_at", "-id"], name="reviews_by_action"),
            models.Index(fields=["project", "agent", "-requested_at", "-id"], name="reviews_by_agent"),
            models.Index(
                fields=["project", "session_id", "-requested_at"],
                name="reviews_by_session",
                condition=~Q(session_id=""),
            ),
            models.Index(
                fields=["project", "trace_id", "-requested_at"], name="reviews_by_trace", condition=~Q(trace_id="")
            ),
            models.Index(fields=["project", "-closed_at"], name="reviews_decided", condition=Q(status__in=DECIDED)),
            models.Index(
                fields=["project", "action", "-closed_at"],
                name="reviews_precedents",
                condition=Q(status__in=DECIDED),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} ({self.status})"

    @property
    def item(self) -> ApprovalItem:
        """The first thing asked for, and of a request that is no batch the only one. Wants `items` prefetched."""
        return next(iter(self.items.all()))

    @property
    def review_plan(self) -> ReviewPlan:
        """How people are to look at it."""
        return load_plan(self.plan)

    @property
    def in_doubt(self) -> bool:
        """Whether a condition or a factor could not be judged: the risk may be higher than the level says."""
        return bool(self.failed_conditions)

    @property
    def failed_conditions(self) -> list[str]:
        """Which conditions and factors could not be judged, and why, in sentences; of a batch each said once."""
        failed = [f"{entry['rule']}: {entry['why']}" for entry in self.rule_trace if entry.get("error")]
        return list(dict.fromkeys([*self.risk.get("doubts", []), *failed]))

    @property
    def suspicious(self) -> bool:
        """Whether checks of its text noticed signs of prompt injection that are not mild."""
        return any(flag["kind"] == "injection" and flag["severity"] != "low" for flag in self.flags)

    @property
    def is_waiting(self) -> bool:
        """Whether the agent waits: nothing has become of the request yet, as far as it is told."""
        return self.status in states.WAITING

    @property
    def is_open(self) -> bool:
        """Whether people may still decide, the clock aside."""
        return self.is_waiting and self.settles_at is None

    @property
    def due_at(self) -> datetime:
        """By when those who are asked now have to decide: the end of their step, else of the request."""
        return self.next_step_at or self.expires_at


class ApprovalItem(models.Model):
    """One action to decide on. Never changes: a decision with other arguments keeps them itself."""

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="items")
    index = models.PositiveSmallIntegerField(help_text="The place in the request, from 0.")
    action = models.CharField(max_length=200)
    description = models.TextField(blank=True, help_text="Markdown.")
    arguments = VerbatimJSONField(default=dict, help_text="As proposed by the agent.")
    arguments_schema = VerbatimJSONField(null=True, blank=True, help_text="JSON Schema of the arguments.")
    allowed_decisions = ArrayField(models.CharField(max_length=8))
    metadata = VerbatimJSONField(default=dict, help_text="The agent's own, such as the id of the tool call.")

    class Meta:
        ordering = ["approval", "index"]
        constraints = [models.UniqueConstraint(fields=["approval", "index"], name="reviews_item_index")]
        triggers = [pgtrigger.Protect(name="item_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.action} [{self.index}]"


class ApprovalEvent(models.Model):
    """One line of a request's timeline.

    `voted` is a verdict that did not close the request, `decided` the moment in which it was decided for good.
    """

    class Kind(models.TextChoices):
        REQUESTED = "requested"
        VOTED = "voted"
        WITHDRAWN = "withdrawn"
        INFO_REQUESTED = "info_requested"
        DECIDED = "decided"
        CANCELLED = "cancelled"
        EXPIRED = "expired"
        MESSAGE = "message"
        CONSUMED = "consumed"
        OUTCOME = "outcome"
        CLAIMED = "claimed"
        RELEASED = "released"
        ASSIGNED = "assigned"
        ESCALATED = "escalated"
        REMINDED = "reminded"

    CONVERSATION = (Kind.MESSAGE.value, Kind.INFO_REQUESTED.value)
    """The kinds that are words between the agent and people."""

    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="+")
    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=16, help_text="One of Kind.")
    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    actor_label = models.CharField(max_length=200, help_text="A person's name, a key's name, or `deadline`.")
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["approval", "id"], name="reviews_timeline")]
        triggers = [pgtrigger.Protect(name="event_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor_label}"


def due_minute(expires_at: datetime) -> int:
    """The value of `Approval.due_minute` for a deadline."""
    return int(expires_at.timestamp() // 60)
