"""What a project, one of its agents or one model may cost in a period."""

from decimal import Decimal
from typing import ClassVar, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from agents.models.user import validate_time_zone
from metrics import budgeting
from metrics.budgeting import LIMIT_NANOS_MAX, SCOPE_CHARS, WARN_SHARE


class BudgetQuerySet(models.QuerySet["Budget"]):
    """Chainable reads of budgets."""

    def in_force(self) -> Self:
        """Those that nobody has archived."""
        return self.filter(archived_at__isnull=True)

    def of_project(self, project_id: int) -> Self:
        """A project's, by name."""
        return self.filter(project_id=project_id).order_by("name", "pk")

    def applying(self, *, agent: str, model: str) -> Self:
        """Those for everything, for this agent and for this model; empty names are nobody's."""
        whole = Q(agent="", model="")
        of_agent = Q(agent=agent) if agent else Q(pk__in=[])
        of_model = Q(model=model) if model else Q(pk__in=[])
        return self.filter(whole | of_agent | of_model)


class Budget(models.Model):
    """An amount for each period. Empty `agent` and `model`: for everything. What was spent is in the rollups.

    `told_level` is the highest level that was told of in the period that began at `told_period`.
    """

    class Period(models.TextChoices):
        DAY = budgeting.DAY, _("Day")
        WEEK = budgeting.WEEK, _("Week")
        MONTH = budgeting.MONTH, _("Month")

    class WhenSpent(models.TextChoices):
        WARN = "warn", _("Only warn")
        REFUSE = "refuse", _("Say no to agents that ask")

    class Level(models.IntegerChoices):
        FINE = budgeting.FINE, _("Fine")
        WARNED = budgeting.WARNED, _("Nearly spent")
        SPENT = budgeting.SPENT, _("Spent")

    project = models.ForeignKey("agents.Project", on_delete=models.CASCADE, related_name="budgets")
    name = models.CharField(_("name"), max_length=100)
    agent = models.CharField(_("agent"), max_length=SCOPE_CHARS, blank=True)
    model = models.CharField(_("model"), max_length=SCOPE_CHARS, blank=True)
    period = models.CharField(_("period"), max_length=5, choices=Period.choices)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[validate_time_zone])
    limit_nanos = models.BigIntegerField(
        help_text="Nano-dollars.", validators=[MinValueValidator(1), MaxValueValidator(LIMIT_NANOS_MAX)]
    )
    warn_share = models.DecimalField(
        _("warn from"),
        max_digits=4,
        decimal_places=3,
        default=WARN_SHARE,
        validators=[MinValueValidator(Decimal("0.001")), MaxValueValidator(1)],
    )
    when_spent = models.CharField(_("when it is spent"), max_length=6, choices=WhenSpent.choices)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)
    told_period = models.DateTimeField(null=True, blank=True)
    told_level = models.PositiveSmallIntegerField(default=Level.FINE, choices=Level.choices)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        db_table = "metrics_budget"
        indexes: ClassVar = [
            models.Index(fields=["project"], condition=Q(archived_at__isnull=True), name="budget_in_force")
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(agent="") | Q(model=""), name="budget_of_one_thing"),
            models.CheckConstraint(
                condition=Q(limit_nanos__gt=0, limit_nanos__lte=LIMIT_NANOS_MAX), name="budget_limit_positive"
            ),
            models.CheckConstraint(condition=Q(warn_share__gt=0, warn_share__lte=1), name="budget_warn_share"),
            models.CheckConstraint(condition=Q(period__in=["day", "week", "month"]), name="budget_period_known"),
            models.CheckConstraint(condition=Q(when_spent__in=["warn", "refuse"]), name="budget_when_spent_known"),
            models.CheckConstraint(condition=Q(told_level__in=[0, 1, 2]), name="budget_level_known"),
        ]

    def __str__(self) -> str:
        return self.name
