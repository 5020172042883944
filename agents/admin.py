"""The admin site, for what has no page: only operators of the console (staff) get in, through the usual sign-in.

What is changed here is in the audit log too; what must never change can only be read.
"""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from agents import known_keys
from agents.models import ApiKey, AuditEvent, Invitation, Membership, Notification, PersonalToken, Project, User
from agents.services import audit
from console.lib import clock, live

# Sign-in with rate limits and second factors, instead of the admin's own form.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = "Handrail"
admin.site.site_title = "Handrail"


def whose_access(changed: Model) -> int | None:
    """The person who may lose a right by this change, and whose open pages must be asked again; None for nobody."""
    if isinstance(changed, Membership):
        return changed.user_id
    return changed.pk if isinstance(changed, User) else None


class AuditedAdmin(admin.ModelAdmin[Any]):
    """Writes an audit row with each change; the admin's views are one transaction each."""

    def save_model(self, request: HttpRequest, obj: Model, form: forms.ModelForm[Any], change: bool) -> None:
        super().save_model(request, obj, form, change)
        self._record(request, obj, "change" if change else "create", {"fields": list(form.changed_data)})

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        self._record(request, obj, "delete", {})
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for row in queryset:
            self.delete_model(request, row)

    def _record(self, request: HttpRequest, obj: Model, verb: str, detail: dict[str, Any]) -> None:
        assert isinstance(request.user, User)
        name = str(obj._meta.model_name)
        project = obj if isinstance(obj, Project) else getattr(obj, "project", None)
        audit.record(
            project=project,
            by=request.user,
            action=f"admin.{name}.{verb}",
            target=f"{name} {obj}",
            detail=detail,
            now=clock.now(),
        )
        if isinstance(obj, Project):
            known_keys.changed()
        if (person := whose_access(obj)) is not None:
            live.access_changed([person])


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Shows rows that services write, or that never change."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class PersonAdmin(AuditedAdmin):
    """People. They come by invitation and are deactivated, never deleted: decisions and audit rows name them."""

    list_display = ["email", "name", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff"]
    search_fields = ["email", "name"]
    ordering = ["email"]
    fields = ["email", "name", "time_zone", "is_active", "is_staff", "is_superuser", "last_login", "date_joined"]
    readonly_fields = ["email", "last_login", "date_joined"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Project)
class ProjectAdmin(AuditedAdmin):
    """Projects; archiving and restoring is on their settings page."""

    list_display = ["slug", "name", "archived_at", "created_at"]
    search_fields = ["slug", "name"]
    readonly_fields = ["slug", "archived_at", "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Membership)
class MembershipAdmin(AuditedAdmin):
    """Roles; the way to give a project whose admins have all left a new one."""

    list_display = ["user", "project", "role", "created_at"]
    list_filter = ["role", "project"]
    list_select_related = ["user", "project"]
    autocomplete_fields = ["user", "project"]
    readonly_fields = ["created_at"]


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """The audit log of every project, and of what belongs to none."""

    list_display = ["at", "actor_label", "action", "target", "project"]
    list_filter = ["action", "project"]
    list_select_related = ["project"]
    date_hierarchy = "at"
    ordering = ["-at", "-pk"]


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys of every project."""

    list_display = ["name", "hint", "project", "expires_at", "revoked_at", "last_used_at"]
    list_filter = ["project"]
    list_select_related = ["project"]


@admin.register(PersonalToken)
class PersonalTokenAdmin(ReadOnlyAdmin):
    """Tokens of every person."""

    list_display = ["name", "hint", "user", "expires_at", "revoked_at", "last_used_at"]
    list_select_related = ["user"]


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Invitations of every project."""

    list_display = ["email", "project", "role", "invited_by", "created_at", "accepted_at", "revoked_at"]
    list_select_related = ["project", "invited_by"]


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """What is in people's bells."""

    list_display = ["created_at", "user", "project", "kind", "title", "read_at"]
    list_select_related = ["user", "project"]
