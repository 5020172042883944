"""Every address of the console, and exactly who gets past its door (ARCHITECTURE.md, section 5).

An address that is missing here fails the first test, so nothing can be added without saying who may use it.
Objects do not exist in these requests: past the door is whatever is neither a redirect to the login, nor 401, 403
or a stranger's 404 (who gets the same answer for a page that does exist).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from agents.models import Membership, Project, User
from agents.permissions import Permission as P
from agents.roles import ROLE_PERMISSIONS, Role

PUBLIC = "public"
SIGNED_IN = "signed in"

# By route as Django knows it: what each method takes. None takes an agent's key and refuses every person.
DOORS: dict[str, dict[str, P | str | None]] = {
    "": {"GET": SIGNED_IN},
    "healthz": {"GET": PUBLIC},
    ".well-known/jwks.json": {"GET": PUBLIC},
    "readyz": {"GET": PUBLIC},
    "api/schema/": {"GET": PUBLIC},
    "api/docs/": {"GET": PUBLIC},
    "projects/new/": {"GET": P.PROJECT_MANAGE},
    "projects/<slug:project>/open/": {"GET": SIGNED_IN},
    "invitations/<str:secret>/": {"GET": PUBLIC},
    "notifications/": {"GET": SIGNED_IN},
    "notifications/bell/": {"GET": SIGNED_IN},
    "notifications/latest/": {"GET": SIGNED_IN},
    "notifications/read/": {"POST": SIGNED_IN},
    "notifications/<int:notification>/": {"GET": SIGNED_IN},
    "account/": {"GET": SIGNED_IN},
    "account/notifications/": {"POST": SIGNED_IN},
    "account/away/": {"GET": SIGNED_IN},
    "account/away/<int:away>/end/": {"POST": SIGNED_IN},
    "account/tokens/": {"POST": SIGNED_IN},
    "account/tokens/<int:token>/revoke/": {"POST": SIGNED_IN},
    "account/sessions/end/": {"POST": SIGNED_IN},
    "account/projects/<int:membership>/leave/": {"POST": SIGNED_IN},
    # Telemetry
    "p/<slug:project>/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/agents/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/agents/<name:name>/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/agents/<name:name>/evaluation/": {"GET": P.TELEMETRY_VIEW, "POST": P.AGENT_MANAGE},
    "p/<slug:project>/settings/evaluation/": {"GET": P.AGENT_MANAGE, "POST": P.AGENT_MANAGE},
    "p/<slug:project>/compare/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/costs/budgets/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/costs/budgets/new/": {"GET": P.BUDGET_EDIT, "POST": P.BUDGET_EDIT},
    "p/<slug:project>/costs/budgets/<int:budget>/": {"GET": P.BUDGET_EDIT, "POST": P.BUDGET_EDIT},
    "p/<slug:project>/costs/budgets/<int:budget>/archive/": {"POST": P.BUDGET_EDIT},
    "p/<slug:project>/checks/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/checks/try/": {"POST": P.TELEMETRY_VIEW},
    "p/<slug:project>/checks/<str:pattern>/switch/": {"POST": P.POLICY_EDIT},
    "p/<slug:project>/costs/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/costs/table/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/logs/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/logs/<int:time_ns>/<str:log_id>/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/metrics/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/sessions/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/sessions/<name:session_id>/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/traces/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/traces/newer/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/traces/live/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/views/": {"POST": P.TELEMETRY_VIEW},
    "p/<slug:project>/views/<int:view>/rename/": {"POST": P.TELEMETRY_VIEW},
    "p/<slug:project>/views/<int:view>/share/": {"POST": P.DASHBOARD_EDIT},
    "p/<slug:project>/views/<int:view>/delete/": {"POST": P.TELEMETRY_VIEW},
    "p/<slug:project>/traces/<str:trace_id>/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/traces/<str:trace_id>/mini/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/traces/<str:trace_id>/spans/<str:span_id>/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/traces/<str:trace_id>/scores/": {"GET": P.TELEMETRY_VIEW, "POST": P.SCORE_CREATE},
    "p/<slug:project>/traces/<str:trace_id>/scores/<int:score_id>/": {"POST": P.SCORE_CREATE},
    "p/<slug:project>/traces/<str:trace_id>/scores/<int:score_id>/remove/": {"POST": P.SCORE_CREATE},
    "p/<slug:project>/annotation/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/annotation/new/": {"GET": P.POLICY_EDIT, "POST": P.POLICY_EDIT},
    "p/<slug:project>/annotation/scores/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/annotation/scores/new/": {"GET": P.POLICY_EDIT, "POST": P.POLICY_EDIT},
    "p/<slug:project>/annotation/scores/<int:config_id>/": {"GET": P.POLICY_EDIT, "POST": P.POLICY_EDIT},
    "p/<slug:project>/annotation/<int:queue_id>/": {"GET": P.TELEMETRY_VIEW},
    "p/<slug:project>/annotation/<int:queue_id>/settings/": {"GET": P.POLICY_EDIT, "POST": P.POLICY_EDIT},
    "p/<slug:project>/annotation/<int:queue_id>/archive/": {"POST": P.POLICY_EDIT},
    "p/<slug:project>/annotation/<int:queue_id>/rules/": {"POST": P.POLICY_EDIT},
    "p/<slug:project>/annotation/<int:queue_id>/rules/<int:rule_id>/remove/": {"POST": P.POLICY_EDIT},
    "p/<slug:project>/annotation/<int:queue_id>/next/": {"POST": P.SCORE_CREATE},
    "p/<slug:project>/annotation/<int:queue_id>/items/<int:item_id>/": {"GET": P.TELEMETRY_VIEW, "POST": P.SCORE_CREATE},
    "p/<slug:project>/annotation/<int:queue_id>/items/<int:item_id>/assign/": {"POST": P.POLICY_EDIT},
    "p/<slug:project>/annotation/<int:queue_id>/items/<int:item_id>/take/": {"POST": P.SCORE_CREATE},
    "p/<slug:project>/annotation/<int:queue_id>/items/<int:item_id>/skip/": {"POST": P.SCORE_CREATE},
    "p/<slug:project>/annotation/<int:queue_id>/items/<int:item_id>/release/": {"POST": P.SCORE_CREATE},
    "p/<slug:project>/annotation/<int:queue_id>/items/<int:item_id>/renew/": {"POST": P.SCORE_CREATE},
    "p/<slug:project>/traces/<str:trace_id>/annotate/": {"POST": P.SCORE_CREATE},
    # Reviews
    "p/<slug:project>/queue/": {"GET": P.APPROVAL_VIEW},
    "p/<slug:project>/queue/list/": {"GET": P.APPROVAL_VIEW},
    "p/<slug:project>/queue/together/": {"GET": P.APPROVAL_DECIDE, "POST": P.APPROVAL_DECIDE},
    "p/<slug:project>/queue/together/undo/": {"POST": P.APPROVAL_DECIDE},
    "p/<slug:project>/queue/tile/": {"GET": P.APPROVAL_VIEW},
    "p/<slug:project>/queue/pins/": {"GET": P.APPROVAL_VIEW},
    "p/<slug:project>/queue/rates/": {"GET": P.APPROVAL_VIEW},
    "p/<slug:project>/queue/of-trace/": {"GET": P.APPROVAL_VIEW},
    "p/<slug:project>/queue/<uuid:approval_id>/": {"GET": P.APPROVAL_VIEW},
    "p/<slug:project>/queue/<uuid:approval_id>/item/": {"GET": P.APPROVAL_VIEW},
    "p/<slug:project>/queue/<uuid:approval_id>/looking/": {"GET": P.APPROVAL_VIEW},
    "p/<slug:project>/queue/<uuid:approval_id>/decision/": {"POST": P.APPROVAL_DECIDE},
    "p/<slug:project>/queue/<uuid:approval_id>/changes/": {"POST": P.APPROVAL_DECIDE},
    "p/<slug:project>/queue/<uuid:approval_id>/rest/": {"POST": P.APPROVAL_DECIDE},
    "p/<slug:project>/queue/<uuid:approval_id>/outcome/": {"POST": P.APPROVAL_DECIDE},
    "p/<slug:project>/queue/<uuid:approval_id>/decide/<str:verdict>/": {"GET": P.APPROVAL_DECIDE},
    "p/<slug:project>/analytics/": {"GET": P.APPROVAL_VIEW},
    "p/<slug:project>/queue/<uuid:approval_id>/claim/": {"POST": P.APPROVAL_DECIDE},
    "p/<slug:project>/queue/<uuid:approval_id>/renew/": {"POST": P.APPROVAL_DECIDE},
    "p/<slug:project>/queue/<uuid:approval_id>/release/": {"POST": P.APPROVAL_DECIDE},
    "p/<slug:project>/queue/<uuid:approval_id>/assign/": {"POST": P.APPROVAL_ASSIGN},
    "p/<slug:project>/queue/<uuid:approval_id>/question/": {"POST": P.APPROVAL_DECIDE},
    "p/<slug:project>/queue/<uuid:approval_id>/message/": {"POST": P.APPROVAL_DECIDE},
    "p/<slug:project>/queue/<uuid:approval_id>/withdraw/": {"POST": P.APPROVAL_DECIDE},
    "p/<slug:project>/feedback/": {"GET": P.FEEDBACK_VIEW},
    "p/<slug:project>/feedback/labels/": {"GET": P.POLICY_EDIT, "POST": P.POLICY_EDIT},
    "p/<slug:project>/feedback/<uuid:approval_id>/<int:index>/": {"GET": P.FEEDBACK_VIEW, "POST": P.FEEDBACK_VIEW},
    "p/<slug:project>/feedback/datasets/": {"GET": P.FEEDBACK_VIEW},
    "p/<slug:project>/feedback/datasets/new/": {"GET": P.FEEDBACK_EXPORT, "POST": P.FEEDBACK_EXPORT},
    "p/<slug:project>/feedback/datasets/<int:dataset>/": {"GET": P.FEEDBACK_VIEW},
    "p/<slug:project>/feedback/datasets/<int:dataset>/freeze/": {"POST": P.FEEDBACK_EXPORT},
    "p/<slug:project>/feedback/datasets/<int:dataset>/versions/<int:number>/": {"GET": P.FEEDBACK_VIEW},
    "p/<slug:project>/feedback/datasets/<int:dataset>/versions/<int:number>/exports/": {"POST": P.FEEDBACK_EXPORT},
    "p/<slug:project>/feedback/quality/": {"GET": P.FEEDBACK_VIEW},
    "p/<slug:project>/feedback/quality/settings/": {"GET": P.POLICY_EDIT, "POST": P.POLICY_EDIT},
    "p/<slug:project>/feedback/quality/review/": {"GET": P.APPROVAL_DECIDE, "POST": P.APPROVAL_DECIDE},
    "p/<slug:project>/feedback/quality/review/<uuid:rereview_id>/": dict.fromkeys(("GET", "POST"), P.APPROVAL_DECIDE),
    "p/<slug:project>/feedback/quality/seeds/": {"GET": P.POLICY_EDIT},
    "p/<slug:project>/feedback/quality/seeds/new/<uuid:approval_id>/<int:index>/": dict.fromkeys(
        ("GET", "POST"), P.POLICY_EDIT
    ),
    "p/<slug:project>/feedback/quality/seeds/<uuid:rereview_id>/retire/": {"POST": P.POLICY_EDIT},
    "p/<slug:project>/policies/": {"GET": P.APPROVAL_VIEW},
    "p/<slug:project>/policies/bench/": {"GET": P.APPROVAL_VIEW, "POST": P.APPROVAL_VIEW},
    "p/<slug:project>/policies/draft/": {"GET": P.POLICY_EDIT, "POST": P.POLICY_EDIT},
    "p/<slug:project>/policies/draft/risk/": {"GET": P.POLICY_EDIT, "POST": P.POLICY_EDIT},
    "p/<slug:project>/policies/draft/rules/<int:place>/": {"GET": P.POLICY_EDIT, "POST": P.POLICY_EDIT},
    "p/<slug:project>/policies/backtests/": {"GET": P.APPROVAL_VIEW, "POST": P.POLICY_EDIT},
    "p/<slug:project>/policies/backtests/<uuid:backtest_id>/": {"GET": P.APPROVAL_VIEW},
    "p/<slug:project>/policies/backtests/<uuid:backtest_id>/cancel/": {"POST": P.POLICY_EDIT},
    "p/<slug:project>/policies/suggestions/": {"GET": P.APPROVAL_VIEW, "POST": P.POLICY_EDIT},
    "p/<slug:project>/policies/suggestions/<uuid:pattern_id>/": {"POST": P.POLICY_EDIT},
    "p/<slug:project>/policies/history/": {"GET": P.APPROVAL_VIEW},
    "p/<slug:project>/policies/history/<int:number>/": {"GET": P.APPROVAL_VIEW},
    # People and projects
    "p/<slug:project>/settings/": {"GET": P.PROJECT_MANAGE},
    "p/<slug:project>/settings/archive/": {"POST": P.PROJECT_MANAGE},
    "p/<slug:project>/settings/restore/": {"POST": P.PROJECT_MANAGE},
    "p/<slug:project>/settings/members/": {"GET": P.MEMBER_MANAGE},
    "p/<slug:project>/settings/members/<int:member>/role/": {"POST": P.MEMBER_MANAGE},
    "p/<slug:project>/settings/members/<int:member>/remove/": {"GET": P.MEMBER_MANAGE},
    "p/<slug:project>/settings/members/<int:member>/reset-link/": {"POST": P.MEMBER_MANAGE},
    "p/<slug:project>/settings/invitations/<int:invitation>/revoke/": {"POST": P.MEMBER_MANAGE},
    "p/<slug:project>/settings/teams/": {"GET": P.MEMBER_MANAGE},
    "p/<slug:project>/settings/teams/<slug:team>/": {"GET": P.MEMBER_MANAGE},
    "p/<slug:project>/settings/teams/<slug:team>/archive/": {"POST": P.MEMBER_MANAGE},
    "p/<slug:project>/settings/keys/": {"GET": P.KEY_MANAGE},
    "p/<slug:project>/settings/keys/new/": {"GET": P.KEY_MANAGE},
    "p/<slug:project>/settings/keys/<int:key>/rotate/": {"GET": P.KEY_MANAGE},
    "p/<slug:project>/settings/keys/<int:key>/revoke/": {"GET": P.KEY_MANAGE},
    "p/<slug:project>/settings/channels/": {"GET": P.CHANNEL_MANAGE},
    "p/<slug:project>/settings/channels/new/<slug:kind>/": {"GET": P.CHANNEL_MANAGE},
    "p/<slug:project>/settings/channels/<int:channel>/": {"GET": P.CHANNEL_MANAGE},
    "p/<slug:project>/settings/channels/<int:channel>/switch/": {"POST": P.CHANNEL_MANAGE},
    "p/<slug:project>/settings/channels/<int:channel>/test/": {"POST": P.CHANNEL_MANAGE},
    "p/<slug:project>/settings/channels/<int:channel>/secret/": {"POST": P.CHANNEL_MANAGE},
    "p/<slug:project>/settings/channels/<int:channel>/remove/": {"GET": P.CHANNEL_MANAGE},
    "p/<slug:project>/settings/channels/<int:channel>/rules/new/": {"GET": P.CHANNEL_MANAGE},
    "p/<slug:project>/settings/channels/<int:channel>/rules/<int:rule>/": {"GET": P.CHANNEL_MANAGE},
    "p/<slug:project>/settings/channels/<int:channel>/rules/<int:rule>/remove/": {"POST": P.CHANNEL_MANAGE},
    "p/<slug:project>/settings/deliveries/": {"GET": P.CHANNEL_MANAGE},
    "p/<slug:project>/settings/deliveries/replay/": {"POST": P.CHANNEL_MANAGE},
    "p/<slug:project>/settings/deliveries/<int:delivery>/": {"GET": P.CHANNEL_MANAGE},
    "p/<slug:project>/settings/deliveries/<int:delivery>/replay/": {"POST": P.CHANNEL_MANAGE},
    "p/<slug:project>/settings/masking/": {"GET": P.AUDIT_VIEW, "POST": P.PROJECT_MANAGE},
    "p/<slug:project>/settings/masking/try/": {"POST": P.AUDIT_VIEW},
    "p/<slug:project>/audit/": {"GET": P.AUDIT_VIEW},
    # API
    "api/v1/teams": {"GET": P.APPROVAL_VIEW, "POST": P.MEMBER_MANAGE},
    "api/v1/teams/<slug:team>": {"GET": P.APPROVAL_VIEW, "PUT": P.MEMBER_MANAGE, "DELETE": P.MEMBER_MANAGE},
    "api/v1/channels": {"GET": P.CHANNEL_MANAGE, "POST": P.CHANNEL_MANAGE},
    "api/v1/channels/<int:channel>": dict.fromkeys(("GET", "PATCH", "DELETE"), P.CHANNEL_MANAGE),
    "api/v1/channels/<int:channel>/test": {"POST": P.CHANNEL_MANAGE},
    "api/v1/channels/<int:channel>/secret": {"POST": P.CHANNEL_MANAGE},
    "api/v1/channels/<int:channel>/deliveries": {"GET": P.CHANNEL_MANAGE},
    "api/v1/deliveries/<int:delivery>": {"GET": P.CHANNEL_MANAGE},
    "api/v1/deliveries/<int:delivery>/replay": {"POST": P.CHANNEL_MANAGE},
    "api/v1/agents": {"GET": P.TELEMETRY_VIEW},
    "api/v1/agents/<name:name>": {"GET": P.TELEMETRY_VIEW},
    "api/v1/agents/<name:name>/evaluation": {"GET": P.TELEMETRY_VIEW},
    "api/v1/comparisons": {"GET": P.TELEMETRY_VIEW},
    "api/v1/budgets": {"GET": P.TELEMETRY_VIEW, "POST": P.BUDGET_EDIT},
    "api/v1/budgets/check": {"GET": P.TELEMETRY_VIEW},
    "api/v1/annotation-queues": {"GET": P.TELEMETRY_VIEW, "POST": P.POLICY_EDIT},
    "api/v1/events": {"POST": None},
    "api/v1/logs": {"GET": P.TELEMETRY_VIEW},
    "api/v1/metrics": {"GET": P.TELEMETRY_VIEW},
    "api/v1/points": {"GET": P.TELEMETRY_VIEW},
    "api/v1/series": {"GET": P.TELEMETRY_VIEW},
    "api/v1/checks": {"GET": P.TELEMETRY_VIEW},
    "api/v1/checks/try": {"POST": P.TELEMETRY_VIEW},
    "api/v1/masking": {"GET": P.AUDIT_VIEW, "PUT": P.PROJECT_MANAGE},
    "api/v1/scores": {"GET": P.TELEMETRY_VIEW, "POST": P.SCORE_CREATE},
    "api/v1/score-configs": {"GET": P.TELEMETRY_VIEW, "POST": P.POLICY_EDIT},
    "humanlayer/v1/function_calls": {"POST": P.APPROVAL_DECIDE},
    "humanlayer/v1/contact_requests": {"POST": P.APPROVAL_DECIDE},
    "humanlayer/v1/<path:rest>": {"GET": PUBLIC},
    "api/public/ingestion": {"POST": P.SCORE_CREATE},
    "api/public/projects": {"GET": P.TELEMETRY_VIEW},
    "api/public/scores": {"GET": P.TELEMETRY_VIEW, "POST": P.SCORE_CREATE},
    "api/public/scores/<str:score_id>": {"GET": P.TELEMETRY_VIEW, "DELETE": P.SCORE_CREATE},
    "api/public/v2/scores": {"GET": P.TELEMETRY_VIEW},
    "api/public/v2/scores/<str:score_id>": {"GET": P.TELEMETRY_VIEW},
    "api/public/v3/scores": {"GET": P.TELEMETRY_VIEW},
    "api/v1/sessions": {"GET": P.TELEMETRY_VIEW},
    "api/v1/sessions/<name:session_id>": {"GET": P.TELEMETRY_VIEW},
    "api/v1/traces": {"GET": P.TELEMETRY_VIEW},
    "api/v1/traces/<str:trace_id>": {"GET": P.TELEMETRY_VIEW},
    "api/v1/approvals": {"GET": P.APPROVAL_VIEW, "POST": P.APPROVAL_DECIDE},
    "api/v1/approvals/decisions": {"POST": P.APPROVAL_DECIDE},
    "api/v1/analytics": {"GET": P.APPROVAL_VIEW},
    "api/v1/feedback": {"GET": P.FEEDBACK_VIEW},
    "api/v1/feedback/labels": {"GET": P.FEEDBACK_VIEW, "PUT": P.POLICY_EDIT},
    "api/v1/quality": {"GET": P.FEEDBACK_VIEW},
    "api/v1/datasets": {"GET": P.FEEDBACK_VIEW, "POST": P.FEEDBACK_EXPORT},
    "api/v1/datasets/<int:dataset>": {"GET": P.FEEDBACK_VIEW},
    "api/v1/datasets/<int:dataset>/versions": {"GET": P.FEEDBACK_VIEW, "POST": P.FEEDBACK_EXPORT},
    "api/v1/datasets/<int:dataset>/versions/<int:number>": {"GET": P.FEEDBACK_VIEW, "DELETE": P.FEEDBACK_EXPORT},
    "api/v1/exports": {"GET": P.FEEDBACK_VIEW, "POST": P.FEEDBACK_EXPORT},
    "api/v1/patterns": {"GET": P.APPROVAL_VIEW},
    "api/v1/patterns/<uuid:pattern_id>/accept": {"POST": P.POLICY_EDIT},
    "api/v1/patterns/<uuid:pattern_id>/dismiss": {"POST": P.POLICY_EDIT},
    "api/v1/policies": {"GET": P.APPROVAL_VIEW, "POST": P.POLICY_EDIT},
    "api/v1/policies/<int:number>": {"GET": P.APPROVAL_VIEW},
    "api/v1/policies/backtests": {"GET": P.APPROVAL_VIEW, "POST": P.POLICY_EDIT},
    "api/v1/policies/backtests/<uuid:backtest_id>": {"GET": P.APPROVAL_VIEW, "DELETE": P.POLICY_EDIT},
    "api/v1/policies/backtests/<uuid:backtest_id>/disagreements": {"GET": P.APPROVAL_VIEW},
    "api/v1/policies/backtests/<uuid:backtest_id>/cancel": {"POST": P.POLICY_EDIT},
    "api/v1/risk-assessments": {"POST": P.APPROVAL_VIEW},
    "api/v1/<path:rest>": {"GET": PUBLIC},
}
# What is asked for in place of a route's <type:name>; the number of an object is one that none has.
VALUES = {
    "project": "one",
    "backtest_id": "01890000-0000-7000-8000-000000000000",
    "pattern_id": "01890000-0000-7000-8000-000000000000",
    "rereview_id": "01890000-0000-7000-8000-000000000000",
    "approval_id": "01890000-0000-7000-8000-000000000000",
    "example_id": "01890000-0000-7000-8000-000000000000:0",
    "index": "0",
    "trace_id": "0" * 31 + "1",
    "span_id": "0" * 15 + "1",
    "log_id": "0" * 32,
    "name": "a/b",
    "session_id": "a/b",
    "team": "a",
    "kind": "webhook",
    "verdict": "approve",
    "secret": "nothing",
    "rest": "nothing-here",
}
NO_OBJECT = "0"
# What else a route wants before it answers at all.
QUERIES = {"api/v1/points": "name=x", "api/v1/series": "metric=requests"}
# Where a person says in the query which project is meant.
OF_A_PROJECT_IN_THE_QUERY = ("api/v1/", "humanlayer/")
# Their objects carry the project, so an unknown id is 404 for everybody: the apps' own tests have real ones.
DOORS_OF_OBJECTS = {
    "api/v1/budgets/<int:budget_id>",
    "api/v1/annotation-queues/<int:queue_id>/items",
    "api/v1/score-configs/<int:config_id>",
    "api/v1/scores/<int:score_id>",
    "api/v1/approvals/<str:approval_id>",
    "api/v1/approvals/<str:approval_id>/decisions",
    "api/v1/approvals/<str:approval_id>/withdraw",
    "api/v1/approvals/<str:approval_id>/request-info",
    "api/v1/approvals/<str:approval_id>/cancel",
    "api/v1/approvals/<str:approval_id>/messages",
    "api/v1/approvals/<str:approval_id>/claim",
    "api/v1/approvals/<str:approval_id>/release",
    "api/v1/approvals/<str:approval_id>/assign",
    "api/v1/approvals/<str:approval_id>/outcome",
    "api/v1/approvals/<str:approval_id>/consume",
    "api/v1/approvals/<str:approval_id>/precedents",
    "api/v1/feedback/<str:example_id>",
    "api/v1/feedback/<str:example_id>/corrections",
    "api/v1/exports/<str:export_id>",
    "api/v1/exports/<str:export_id>/download",
    "humanlayer/v1/function_calls/<str:call_id>",
    "humanlayer/v1/agent/function_calls/<str:call_id>/respond",
    "humanlayer/v1/agent/function_calls/<str:call_id>/escalate_email",
    "humanlayer/v1/contact_requests/<str:call_id>",
    "humanlayer/v1/agent/human_contacts/<str:call_id>/respond",
    "humanlayer/v1/agent/human_contacts/<str:call_id>/escalate_email",
}
FOREIGN = ("accounts/", "admin/")  # allauth's and Django's own


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="one", name="One")


def client_of(role: Role | None, project: Project) -> Client:
    """Somebody's browser; None is a member of another project only."""
    person = User.objects.create_user(f"{role}@example.com")
    home = project if role else Project.objects.create(slug="other", name="Other")
    Membership.objects.create(user=person, project=home, role=role or Role.ADMIN)
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


@dataclass(frozen=True)
class Door:
    """One way to call one address, and what it takes."""

    method: str
    route: str
    needs: P | str | None

    @property
    def path(self) -> str:
        """An address of the route, of nothing that exists."""
        return "/" + re.sub(r"<\w+:(\w+)>", lambda found: VALUES.get(found[1], NO_OBJECT), self.route)


def knock(client: Client, door: Door) -> HttpResponse:
    query = [QUERIES[door.route]] if door.route in QUERIES else []
    if door.route.startswith(OF_A_PROJECT_IN_THE_QUERY):
        query.append("project=one")
    content_type = {"content_type": "application/json"} if door.route.startswith("api/") else {}
    data = {"data": "{}"} if content_type and door.method == "POST" else {}
    path = f"{door.path}?{'&'.join(query)}" if query else door.path
    return client.generic(door.method, path, **data, **content_type)  # type: ignore[return-value, arg-type]


def all_doors() -> list[Door]:
    return [Door(method, route, needs) for route, methods in DOORS.items() for method, needs in methods.items()]


def test_every_address_says_who_may_use_it() -> None:
    known = {route for route in routes(get_resolver().url_patterns) if not route.startswith(FOREIGN)}
    assert known == set(DOORS) | DOORS_OF_OBJECTS


@pytest.mark.parametrize("role", list(Role))
def test_each_role_gets_exactly_what_the_matrix_says(role: Role, project: Project) -> None:
    client = client_of(role, project)
    wrong = {}
    for door in all_doors():
        allowed = door.needs in {PUBLIC, SIGNED_IN} or door.needs in ROLE_PERMISSIONS[role]
        status = knock(client, door).status_code
        if allowed == (status in {401, 403}) or status >= 500:
            wrong[f"{door.method} {door.path}"] = status
    assert wrong == {}


def test_a_stranger_finds_nothing_in_a_project_that_is_not_theirs(project: Project) -> None:
    client = client_of(None, project)
    doors = [door for door in all_doors() if "/one/" in door.path or door.path.startswith("/api/v1/")]
    doors = [door for door in doors if door.needs not in {PUBLIC, SIGNED_IN}]
    assert len(doors) > 20
    wrong = {door.path: status for door in doors if (status := knock(client, door).status_code) != 404}
    assert wrong == {}


def test_a_visitor_is_sent_to_the_login_or_refused(project: Project) -> None:
    wrong = {}
    for door in all_doors():
        answer = knock(Client(), door)
        if door.needs == PUBLIC:
            refused = answer.status_code in {401, 403} or "login" in answer.headers.get("Location", "")
            expected = not refused
        elif door.path.startswith(("/api/", "/humanlayer/")):
            expected = answer.status_code in {401, 403}
        else:
            expected = answer.status_code == 302 and answer.headers["Location"].startswith("/accounts/login/")
        if not expected:
            wrong[door.path] = answer.status_code
    assert wrong == {}
