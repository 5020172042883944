"""The admin site shows approvals, decisions and feedback; nothing of it can be changed there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from reviews.models import Approval, ApprovalEvent, ApprovalItem, Decision, FeedbackExample, PolicyVersion


class ReadOnly(admin.options.BaseModelAdmin[Any]):
    """Rows that tell what happened: changing them here would go past the services that keep them true."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ItemInline(ReadOnly, admin.StackedInline[ApprovalItem, Approval]):
    model = ApprovalItem
    extra = 0


class DecisionInline(ReadOnly, admin.StackedInline[Decision, Approval]):
    model = Decision
    extra = 0


class EventInline(ReadOnly, admin.TabularInline[ApprovalEvent, Approval]):
    model = ApprovalEvent
    extra = 0


@admin.register(Approval)
class ApprovalAdmin(ReadOnly, admin.ModelAdmin[Approval]):
    list_display = ("action", "project", "status", "risk_level", "agent", "requested_at", "decided_by_label")
    list_filter = ("status", "risk_level", "project")
    list_select_related = ("project",)
    search_fields = ("id", "action", "agent")
    show_full_result_count = False
    inlines = (ItemInline, DecisionInline, EventInline)


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnly, admin.ModelAdmin[PolicyVersion]):
    list_display = ("project", "number", "note", "created_by", "created_at")
    list_filter = ("project",)


@admin.register(FeedbackExample)
class FeedbackExampleAdmin(ReadOnly, admin.ModelAdmin[FeedbackExample]):
    list_display = ("action", "project", "verdict", "revision", "agent", "recorded_at")
    list_filter = ("verdict", "project")
    list_select_related = ("project",)
    raw_id_fields = ("approval", "item", "decision")
    show_full_result_count = False
