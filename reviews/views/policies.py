"""The policy as people read it: the rules in force, a place to try them, and what changed from version to version."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from agents.access import page_project
from agents.models import Project
from agents.permissions import Permission
from console.lib import clock
from console.lib.http import Problem
from reviews.policy.changes import differences
from reviews.policy.engine import Assessment
from reviews.policy.schema import Effect, Policy, load
from reviews.policy_forms import SampleForm
from reviews.selectors.policies import past_request, subjects_of_past, version_of, versions_page
from reviews.serializers.requests import RequestSerializer, draft_of
from reviews.services import policies
from reviews.services.requests import judged, subjects_of
from reviews.views.policy_rows import change_rows, plan_words, rule_rows

PAGE_ROWS = 50
SAMPLE = {
    "action": "process_refund",
    "arguments": {"order": "A-17", "amount": 12000, "currency": "EUR"},
    "context": {"customer_tier": "vip"},
    "agent": {"name": "support"},
    "confidence": 0.62,
}


@require_safe
def rules(request: HttpRequest, project: str) -> HttpResponse:
    """GET policies/: the version in force."""
    found = page_project(request, project, Permission.APPROVAL_VIEW)
    version = policies.in_force(project=found)
    policy = policies.policy_of(version)
    context = {
        "version": version,
        "policy": policy,
        "rows": rule_rows(policy),
        "public_url": settings.PUBLIC_URL,
        "warnings": policies.warnings(project=found, policy=policy, now=clock.now()),
    }
    return render(request, "reviews/policies.html", context | frame(request, found, "rules"))


@require_http_methods(["GET", "HEAD", "POST"])
def bench(request: HttpRequest, project: str) -> HttpResponse:
    """GET policies/bench/: tries a request that was made before (`?request=`), POST: a sample. `on=draft` tries the
    draft. Nothing is stored."""
    found = page_project(request, project, Permission.APPROVAL_VIEW)
    draft = policies.draft_of(project=found)
    on_draft = (request.POST.get("on") or request.GET.get("on")) == "draft" and draft is not None
    version = policies.in_force(project=found)
    policy = load(draft.document) if on_draft and draft else policies.policy_of(version)
    context = {"version": version, "on_draft": on_draft, **frame(request, found, "bench")}
    status = 200
    if request.method == "POST":
        form = SampleForm(request.POST)
        context["tried"] = _tried(form, found, policy, clock.now())
        status = 422 if form.errors else 200
    else:
        form = SampleForm(initial={"sample": json.dumps(SAMPLE, indent=2)})
        context |= _past(request, found, policy)
    return render(request, "reviews/policy_bench.html", {**context, "form": form}, status=status)


@require_safe
def history(request: HttpRequest, project: str) -> HttpResponse:
    """GET policies/history/: every version, the newest first."""
    found = page_project(request, project, Permission.APPROVAL_VIEW)
    newest = policies.in_force(project=found)
    try:
        rows, cursor = versions_page(found, cursor=request.GET.get("cursor") or None, size=PAGE_ROWS)
    except Problem as problem:
        raise BadRequest(problem.detail) from None
    context = {"rows": rows, "next": cursor, "newest": newest.number, **frame(request, found, "history")}
    return render(request, "reviews/policy_history.html", context)


@require_safe
def version(request: HttpRequest, project: str, number: int) -> HttpResponse:
    """GET policies/history/<number>/: one version, and what differs from the one before or `?against=`."""
    found = page_project(request, project, Permission.APPROVAL_VIEW)
    shown = version_of(found, number)
    if shown is None:
        raise Http404
    given = request.GET.get("against", "")
    against = version_of(found, int(given) if given.isdecimal() and len(given) < 10 else number - 1)
    policy = policies.policy_of(shown)
    context = {
        "shown": shown,
        "against": against,
        "changes": change_rows(differences(policies.policy_of(against), policy)) if against else [],
        "rows": rule_rows(policy),
        "policy": policy,
        "newest": policies.in_force(project=found).number,
        **frame(request, found, "history"),
    }
    return render(request, "reviews/policy_version.html", context)


def frame(request: HttpRequest, project: Project, tab: str) -> dict[str, Any]:
    """What all pages of the policy show: their tabs, and whether there is a draft."""
    permissions: frozenset[Permission] = request.project_permissions  # type: ignore[attr-defined]
    return {
        "project": project,
        "tab": tab,
        "may_edit": Permission.POLICY_EDIT in permissions,
        "draft": policies.draft_of(project=project),
    }


def _tried(form: SampleForm, project: Project, policy: Policy, now: datetime) -> dict[str, Any] | None:
    """What the policy makes of a sample; None, and the form says why, when it is no request."""
    if not form.is_valid():
        return None
    body = RequestSerializer(data=form.cleaned_data["sample"])
    if not body.is_valid():
        for field, texts in body.errors.items():
            words = ", ".join(str(text) for text in texts) if isinstance(texts, list) else str(texts)
            form.add_error("sample", f"{field}: {words}")
        return None
    draft = draft_of(body.validated_data)
    subjects = subjects_of(project, draft)
    return shown(judged(project=project, policy=policy, subjects=subjects, items=draft.items, now=now))


def _past(request: HttpRequest, project: Project, policy: Policy) -> dict[str, Any]:
    """What the policy makes of a request that was made before, as of that time."""
    text = request.GET.get("request", "").strip()[:200]
    if not text:
        return {}
    try:
        past = past_request(project, UUID(text.rstrip("/").rpartition("/")[2]))
    except ValueError:
        past = None
    if past is None:
        return {"asked": text, "missing": _("There is no request with this id in this project.")}
    found = judged(
        project=project,
        policy=policy,
        subjects=subjects_of_past(past),
        items=list(past.items.all()),
        now=past.requested_at,
    )
    return {"asked": text, "past": past, "tried": shown(found)}


def shown(found: Assessment) -> dict[str, Any]:
    """An assessment for the page."""
    words = {
        Effect.REVIEW: (_("People review it"), "users", "info"),
        Effect.AUTO_APPROVE: (_("It is approved at once"), "check", "ok"),
        Effect.AUTO_REJECT: (_("It is rejected at once"), "x", "danger"),
    }
    plan = plan_words(found.plan) if found.effect is Effect.REVIEW else []
    return {"found": found, "effect": words[found.effect], "plan": plan}
