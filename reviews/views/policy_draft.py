"""Changing the policy: a draft that a project's leads share, until one of them publishes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.access import page_project
from agents.authentication import Caller
from agents.models import Project, Team
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from reviews.models import PolicyDraft
from reviews.policy.changes import differences
from reviews.policy.merging import Side
from reviews.policy.plan import PLAIN
from reviews.policy.reading import RULES_MAX, InvalidPolicy
from reviews.policy.schema import Effect, Policy, Rule, load
from reviews.policy.templates import TEMPLATES
from reviews.policy_forms import FactorForms, LevelsForm, PublishForm, RuleForm
from reviews.services import policies
from reviews.views.policies import frame
from reviews.views.policy_rows import change_rows, conflict_rows, fault_rows, rule_rows

MOVES = {"up": -1, "down": 1}
CHOICES_MAX = 2 * RULES_MAX + 3
"""Every rule of either side, their order, the factors and the levels."""


@require_http_methods(["GET", "HEAD", "POST"])
def draft(request: HttpRequest, project: str) -> HttpResponse:
    """GET policies/draft/: the rules with handles. POST: moves, switches or removes a rule, publishes or discards."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    if request.method == "POST":
        return _done(request, found)
    policy, edition = _current(found)
    version = policies.in_force(project=found)
    shown = frame(request, found, "draft")
    shared: PolicyDraft | None = shown["draft"]
    outdated = shared if shared is not None and shared.base != version.number else None
    context = {
        "policy": policy,
        "rows": rule_rows(policy),
        "edition": edition,
        "version": version,
        "changes": change_rows(differences(policies.policy_of(version), policy)),
        "templates": TEMPLATES,
        "publish_form": PublishForm(),
        "warnings": policies.warnings(project=found, policy=policy, now=clock.now()),
        "faults": fault_rows(policy, policies.unknown_names(project=found, policy=policy)),
        "outdated": outdated,
        "conflicts": conflict_rows(policies.rebased(draft=outdated, onto=version).conflicts) if outdated else [],
        **shown,
    }
    return render(request, "reviews/policy_draft.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def rule(request: HttpRequest, project: str, place: int) -> HttpResponse:
    """GET and POST policies/draft/rules/<place>/: one rule. The place behind the last one is a new rule's, which may
    begin as a template (`?template=`, its place in the list)."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    policy, edition = _current(found)
    if place > len(policy.rules) or place >= RULES_MAX:
        raise Http404
    new = place == len(policy.rules)
    taken = [one.name for at, one in enumerate(policy.rules) if at != place]
    start = _template(request, taken) if new else policy.rules[place]
    teams = list(Team.objects.open().filter(project=found).order_by("name"))
    posted = request.POST if request.method == "POST" else None
    names = policies.names_of(project=found)
    form = RuleForm(posted, initial=RuleForm.initial_of(start), names=names, teams=teams, taken=taken)
    if posted is not None and form.is_valid():
        saved = form.rule
        assert saved is not None
        if _change(request, found, lambda old: _with_rule(old, place, saved)):
            messages.success(request, _("The rule is in the draft."))
        return redirect("reviews:policy-draft", project=project)
    context = {"form": form, "place": place, "new": new, "edition": _seen(request, edition)}
    status = 422 if posted is not None else 200
    return render(request, "reviews/policy_rule.html", context | frame(request, found, "draft"), status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def risk(request: HttpRequest, project: str) -> HttpResponse:
    """GET and POST policies/draft/risk/: the risk factors and the levels."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    policy, edition = _current(found)
    posted = request.POST if request.method == "POST" else None
    rows = [
        {"name": one.name, "condition": one.condition, "weight": one.weight, "enabled": one.enabled}
        for one in policy.factors
    ]
    factors = FactorForms(posted, initial=rows, prefix="factor")
    levels = LevelsForm(posted, initial=vars(policy.levels), prefix="level")
    if posted is not None and factors.is_valid() and levels.is_valid():
        assert levels.levels is not None
        kept = [form for form in factors if not form.cleaned_data.get("DELETE")]
        pairs = ((form, form.factor or _unchanged(form, policy)) for form in kept)
        changed = replace(policy, factors=tuple(one for _form, one in pairs if one), levels=levels.levels)
        if _change(request, found, lambda old: replace(old, factors=changed.factors, levels=changed.levels)):
            messages.success(request, _("The risk factors are in the draft."))
        return redirect("reviews:policy-draft", project=project)
    context = {"factors": factors, "levels": levels, "edition": _seen(request, edition)}
    status = 422 if posted is not None else 200
    return render(request, "reviews/policy_risk.html", context | frame(request, found, "draft"), status=status)


def _unchanged(form: Any, policy: Policy) -> Any:
    """The factor of a row that was sent as it was shown; None for an empty one."""
    place = int(form.prefix.rpartition("-")[2])
    return policy.factors[place] if place < len(policy.factors) else None


def _current(project: Project) -> tuple[Policy, int]:
    """The draft and its edition; where there is none, the policy in force and 0."""
    found = policies.draft_of(project=project)
    if found is not None:
        return load(found.document), found.edition
    return policies.policy_of(policies.in_force(project=project)), 0


def _template(request: HttpRequest, taken: list[str]) -> Rule:
    """The rule that a new one begins as, under a name that is free."""
    given = request.GET.get("template", "")
    if given.isdecimal() and len(given) < 4 and int(given) < len(TEMPLATES):
        chosen = TEMPLATES[int(given)]
        names = (chosen.name, *(f"{chosen.name} {number}" for number in range(2, len(taken) + 3)))
        return replace(chosen, name=next(name for name in names if name not in taken))
    return Rule("", Effect.REVIEW, "", enabled=True, review=PLAIN)


def _with_rule(policy: Policy, place: int, changed: Rule) -> Policy:
    if place >= len(policy.rules):
        return policy.with_new(changed)
    return replace(policy, rules=(*policy.rules[:place], changed, *policy.rules[place + 1 :]))


def _done(request: HttpRequest, project: Project) -> HttpResponse:
    verb = request.POST.get("do", "")
    by, now = Caller(user=person(request)), clock.now()
    if verb == "publish":
        return _published(request, project, by)
    if verb == "rebase":
        return _rebased(request, project, by)
    if verb == "discard":
        policies.discard_draft(project=project, by=by, now=now)
        messages.success(request, _("The draft is thrown away."))
        return redirect("reviews:policies", project=project.slug)
    place = request.POST.get("place", "")
    if not place.isdecimal() or len(place) > 3 or verb not in {*MOVES, "switch", "remove"}:
        raise Http404
    _change(request, project, lambda policy: replace(policy, rules=_handled(policy.rules, int(place), verb)))
    return redirect("reviews:policy-draft", project=project.slug)


def _handled(rules: tuple[Rule, ...], place: int, verb: str) -> tuple[Rule, ...]:
    changed = list(rules)
    if place >= len(changed):
        raise Http404
    if verb == "remove":
        del changed[place]
    elif verb == "switch":
        changed[place] = replace(changed[place], enabled=not changed[place].enabled)
    else:
        moved = changed.pop(place)
        changed.insert(max(place + MOVES[verb], 0), moved)
    return tuple(changed)


def _published(request: HttpRequest, project: Project, by: Caller) -> HttpResponse:
    form = PublishForm(request.POST)
    note = form.cleaned_data["note"] if form.is_valid() else ""
    try:
        version = policies.publish_draft(project=project, by=by, edition=_seen(request, 0), note=note, now=clock.now())
    except policies.Outdated:
        messages.warning(request, _("The draft or the policy has changed in the meantime: look at it again."))
    except InvalidPolicy:
        messages.error(request, _("Not published: the draft names somebody whom this project does not have."))
    else:
        messages.success(request, _("Version %(number)d is in force.") % {"number": version.number})
        return redirect("reviews:policies", project=project.slug)
    return redirect("reviews:policy-draft", project=project.slug)


def _rebased(request: HttpRequest, project: Project, by: Caller) -> HttpResponse:
    """Takes over what the version in force has changed, with what was chosen where the draft has changed it too."""
    onto = request.POST.get("onto", "")
    chosen = zip(request.POST.getlist("conflict"), range(CHOICES_MAX), strict=False)
    answers = {key: request.POST.get(f"choice-{place}", "") for key, place in chosen}
    choices = {key: Side(answer) for key, answer in answers.items() if answer in set(Side)}
    number = int(onto) if onto.isdecimal() and len(onto) < 10 else 0
    try:
        done = policies.rebase_draft(
            project=project, by=by, edition=_seen(request, 0), onto=number, choices=choices, now=clock.now()
        )
    except policies.Outdated:
        messages.warning(request, _("The draft or the policy has changed in the meantime: look at it again."))
    else:
        if done:
            messages.success(request, _("The draft is on version %(number)d now.") % {"number": number})
        else:
            messages.warning(request, _("Choose whose change counts wherever both have changed the same."))
    return redirect("reviews:policy-draft", project=project.slug)


def _change(request: HttpRequest, project: Project, change: Callable[[Policy], Policy]) -> bool:
    """Changes the draft that the page showed; says so when it is another by now."""
    by = Caller(user=person(request))
    try:
        policies.change_draft(project=project, by=by, edition=_seen(request, 0), change=change, now=clock.now())
    except policies.Outdated:
        messages.warning(request, _("Somebody else has changed the draft in the meantime: look at it again."))
        return False
    return True


def _seen(request: HttpRequest, otherwise: int) -> int:
    """The edition of the draft that the page showed."""
    given = request.POST.get("edition", "")
    return int(given) if given.isdecimal() and len(given) < 10 else otherwise
