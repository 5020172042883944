"""Every address of the console, and exactly who gets past its door (ARCHITECTURE.md, section 5).

An address that is missing here fails the first test, so nothing can be added without saying who may use it.
Objects do not exist in these requests: past the door is whatever is neither a redirect to the login, nor 401, 403
or a stranger's 404 (who gets the same answer for a page that does exist).
"""

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
ID = "01890000-0000-7000-8000-000000000000"


@dataclass(frozen=True)
class Door:
    """One way to call one address, and what it takes; None takes an agent's key and refuses every person."""

    method: str
    path: str
    needs: P | str | None


# By route as Django knows it. Several methods of one address are several doors.
DOORS = {
    "": [Door("GET", "/", SIGNED_IN)],
    "healthz": [Door("GET", "/healthz", PUBLIC)],
    ".well-known/jwks.json": [Door("GET", "/.well-known/jwks.json", PUBLIC)],
    "readyz": [Door("GET", "/readyz", PUBLIC)],
    "api/schema/": [Door("GET", "/api/schema/", PUBLIC)],
    "api/docs/": [Door("GET", "/api/docs/", PUBLIC)],
    "projects/new/": [Door("GET", "/projects/new/", P.PROJECT_MANAGE)],
    "projects/<slug:project>/open/": [Door("GET", "/projects/one/open/", SIGNED_IN)],
    "invitations/<str:secret>/": [Door("GET", "/invitations/nothing/", PUBLIC)],
    "notifications/": [Door("GET", "/notifications/", SIGNED_IN)],
    "notifications/bell/": [Door("GET", "/notifications/bell/", SIGNED_IN)],
    "notifications/latest/": [Door("GET", "/notifications/latest/", SIGNED_IN)],
    "notifications/read/": [Door("POST", "/notifications/read/", SIGNED_IN)],
    "notifications/<int:notification>/": [Door("GET", "/notifications/1/", SIGNED_IN)],
    "account/": [Door("GET", "/account/", SIGNED_IN)],
    "account/notifications/": [Door("POST", "/account/notifications/", SIGNED_IN)],
    "account/away/": [Door("GET", "/account/away/", SIGNED_IN)],
    "account/away/<int:away>/end/": [Door("POST", "/account/away/1/end/", SIGNED_IN)],
    "account/tokens/": [Door("POST", "/account/tokens/", SIGNED_IN)],
    "account/tokens/<int:token>/revoke/": [Door("POST", "/account/tokens/1/revoke/", SIGNED_IN)],
    "account/sessions/end/": [Door("POST", "/account/sessions/end/", SIGNED_IN)],
    "account/projects/<int:membership>/leave/": [Door("POST", "/account/projects/0/leave/", SIGNED_IN)],
    # Telemetry
    "p/<slug:project>/": [Door("GET", "/p/one/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/agents/": [Door("GET", "/p/one/agents/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/agents/<name:name>/": [Door("GET", "/p/one/agents/a/b/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/costs/": [Door("GET", "/p/one/costs/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/costs/table/": [Door("GET", "/p/one/costs/table/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/logs/": [Door("GET", "/p/one/logs/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/logs/<int:time_ns>/<str:log_id>/": [Door("GET", f"/p/one/logs/1/{'0' * 32}/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/metrics/": [Door("GET", "/p/one/metrics/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/sessions/": [Door("GET", "/p/one/sessions/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/sessions/<name:session_id>/": [Door("GET", "/p/one/sessions/a/b/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/traces/": [Door("GET", "/p/one/traces/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/traces/newer/": [Door("GET", "/p/one/traces/newer/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/traces/live/": [Door("GET", "/p/one/traces/live/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/views/": [Door("POST", "/p/one/views/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/views/<int:view>/rename/": [Door("POST", "/p/one/views/0/rename/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/views/<int:view>/share/": [Door("POST", "/p/one/views/0/share/", P.DASHBOARD_EDIT)],
    "p/<slug:project>/views/<int:view>/delete/": [Door("POST", "/p/one/views/0/delete/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/traces/<str:trace_id>/": [Door("GET", f"/p/one/traces/{'0' * 31}1/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/traces/<str:trace_id>/mini/": [Door("GET", f"/p/one/traces/{'0' * 31}1/mini/", P.TELEMETRY_VIEW)],
    "p/<slug:project>/traces/<str:trace_id>/spans/<str:span_id>/": [
        Door("GET", f"/p/one/traces/{'0' * 31}1/spans/{'0' * 15}1/", P.TELEMETRY_VIEW)
    ],
    "p/<slug:project>/traces/<str:trace_id>/scores/": [
        Door("GET", f"/p/one/traces/{'0' * 31}1/scores/", P.TELEMETRY_VIEW),
        Door("POST", f"/p/one/traces/{'0' * 31}1/scores/", P.SCORE_CREATE),
    ],
    "p/<slug:project>/traces/<str:trace_id>/scores/<int:score_id>/": [
        Door("POST", f"/p/one/traces/{'0' * 31}1/scores/1/", P.SCORE_CREATE)
    ],
    "p/<slug:project>/traces/<str:trace_id>/scores/<int:score_id>/remove/": [
        Door("POST", f"/p/one/traces/{'0' * 31}1/scores/1/remove/", P.SCORE_CREATE)
    ],
    # Reviews
    "p/<slug:project>/queue/": [Door("GET", "/p/one/queue/", P.APPROVAL_VIEW)],
    "p/<slug:project>/queue/list/": [Door("GET", "/p/one/queue/list/", P.APPROVAL_VIEW)],
    "p/<slug:project>/queue/together/": [
        Door("GET", "/p/one/queue/together/", P.APPROVAL_DECIDE),
        Door("POST", "/p/one/queue/together/", P.APPROVAL_DECIDE),
    ],
    "p/<slug:project>/queue/tile/": [Door("GET", "/p/one/queue/tile/", P.APPROVAL_VIEW)],
    "p/<slug:project>/queue/pins/": [Door("GET", "/p/one/queue/pins/", P.APPROVAL_VIEW)],
    "p/<slug:project>/queue/rates/": [Door("GET", "/p/one/queue/rates/", P.APPROVAL_VIEW)],
    "p/<slug:project>/queue/of-trace/": [Door("GET", "/p/one/queue/of-trace/", P.APPROVAL_VIEW)],
    "p/<slug:project>/queue/<uuid:approval_id>/": [Door("GET", f"/p/one/queue/{ID}/", P.APPROVAL_VIEW)],
    "p/<slug:project>/queue/<uuid:approval_id>/item/": [Door("GET", f"/p/one/queue/{ID}/item/", P.APPROVAL_VIEW)],
    "p/<slug:project>/queue/<uuid:approval_id>/decision/": [
        Door("POST", f"/p/one/queue/{ID}/decision/", P.APPROVAL_DECIDE)
    ],
    "p/<slug:project>/queue/<uuid:approval_id>/changes/": [
        Door("POST", f"/p/one/queue/{ID}/changes/", P.APPROVAL_DECIDE)
    ],
    "p/<slug:project>/queue/<uuid:approval_id>/decide/<str:verdict>/": [
        Door("GET", f"/p/one/queue/{ID}/decide/approve/", P.APPROVAL_DECIDE)
    ],
    "p/<slug:project>/analytics/": [Door("GET", "/p/one/analytics/", P.APPROVAL_VIEW)],
    "p/<slug:project>/queue/<uuid:approval_id>/claim/": [Door("POST", f"/p/one/queue/{ID}/claim/", P.APPROVAL_DECIDE)],
    "p/<slug:project>/queue/<uuid:approval_id>/renew/": [Door("POST", f"/p/one/queue/{ID}/renew/", P.APPROVAL_DECIDE)],
    "p/<slug:project>/queue/<uuid:approval_id>/release/": [
        Door("POST", f"/p/one/queue/{ID}/release/", P.APPROVAL_DECIDE)
    ],
    "p/<slug:project>/queue/<uuid:approval_id>/assign/": [
        Door("POST", f"/p/one/queue/{ID}/assign/", P.APPROVAL_ASSIGN)
    ],
    "p/<slug:project>/queue/<uuid:approval_id>/question/": [
        Door("POST", f"/p/one/queue/{ID}/question/", P.APPROVAL_DECIDE)
    ],
    "p/<slug:project>/queue/<uuid:approval_id>/withdraw/": [
        Door("POST", f"/p/one/queue/{ID}/withdraw/", P.APPROVAL_DECIDE)
    ],
    "p/<slug:project>/feedback/": [Door("GET", "/p/one/feedback/", P.FEEDBACK_VIEW)],
    "p/<slug:project>/policies/": [Door("GET", "/p/one/policies/", P.APPROVAL_VIEW)],
    "p/<slug:project>/policies/bench/": [
        Door("GET", "/p/one/policies/bench/", P.APPROVAL_VIEW),
        Door("POST", "/p/one/policies/bench/", P.APPROVAL_VIEW),
    ],
    "p/<slug:project>/policies/draft/": [
        Door("GET", "/p/one/policies/draft/", P.POLICY_EDIT),
        Door("POST", "/p/one/policies/draft/", P.POLICY_EDIT),
    ],
    "p/<slug:project>/policies/draft/risk/": [
        Door("GET", "/p/one/policies/draft/risk/", P.POLICY_EDIT),
        Door("POST", "/p/one/policies/draft/risk/", P.POLICY_EDIT),
    ],
    "p/<slug:project>/policies/draft/rules/<int:place>/": [
        Door("GET", "/p/one/policies/draft/rules/0/", P.POLICY_EDIT),
        Door("POST", "/p/one/policies/draft/rules/0/", P.POLICY_EDIT),
    ],
    "p/<slug:project>/policies/history/": [Door("GET", "/p/one/policies/history/", P.APPROVAL_VIEW)],
    "p/<slug:project>/policies/history/<int:number>/": [Door("GET", "/p/one/policies/history/1/", P.APPROVAL_VIEW)],
    # People and projects
    "p/<slug:project>/settings/": [Door("GET", "/p/one/settings/", P.PROJECT_MANAGE)],
    "p/<slug:project>/settings/archive/": [Door("POST", "/p/one/settings/archive/", P.PROJECT_MANAGE)],
    "p/<slug:project>/settings/restore/": [Door("POST", "/p/one/settings/restore/", P.PROJECT_MANAGE)],
    "p/<slug:project>/settings/members/": [Door("GET", "/p/one/settings/members/", P.MEMBER_MANAGE)],
    "p/<slug:project>/settings/members/<int:member>/role/": [
        Door("POST", "/p/one/settings/members/0/role/", P.MEMBER_MANAGE)
    ],
    "p/<slug:project>/settings/members/<int:member>/remove/": [
        Door("GET", "/p/one/settings/members/0/remove/", P.MEMBER_MANAGE)
    ],
    "p/<slug:project>/settings/members/<int:member>/reset-link/": [
        Door("POST", "/p/one/settings/members/0/reset-link/", P.MEMBER_MANAGE)
    ],
    "p/<slug:project>/settings/invitations/<int:invitation>/revoke/": [
        Door("POST", "/p/one/settings/invitations/0/revoke/", P.MEMBER_MANAGE)
    ],
    "p/<slug:project>/settings/teams/": [Door("GET", "/p/one/settings/teams/", P.MEMBER_MANAGE)],
    "p/<slug:project>/settings/teams/<slug:team>/": [Door("GET", "/p/one/settings/teams/a/", P.MEMBER_MANAGE)],
    "p/<slug:project>/settings/teams/<slug:team>/archive/": [
        Door("POST", "/p/one/settings/teams/a/archive/", P.MEMBER_MANAGE)
    ],
    "p/<slug:project>/settings/keys/": [Door("GET", "/p/one/settings/keys/", P.KEY_MANAGE)],
    "p/<slug:project>/settings/keys/new/": [Door("GET", "/p/one/settings/keys/new/", P.KEY_MANAGE)],
    "p/<slug:project>/settings/keys/<int:key>/rotate/": [Door("GET", "/p/one/settings/keys/0/rotate/", P.KEY_MANAGE)],
    "p/<slug:project>/settings/keys/<int:key>/revoke/": [Door("GET", "/p/one/settings/keys/0/revoke/", P.KEY_MANAGE)],
    "p/<slug:project>/settings/channels/": [Door("GET", "/p/one/settings/channels/", P.CHANNEL_MANAGE)],
    "p/<slug:project>/settings/channels/new/<slug:kind>/": [
        Door("GET", "/p/one/settings/channels/new/webhook/", P.CHANNEL_MANAGE)
    ],
    "p/<slug:project>/settings/channels/<int:channel>/": [Door("GET", "/p/one/settings/channels/0/", P.CHANNEL_MANAGE)],
    "p/<slug:project>/settings/channels/<int:channel>/switch/": [
        Door("POST", "/p/one/settings/channels/0/switch/", P.CHANNEL_MANAGE)
    ],
    "p/<slug:project>/settings/channels/<int:channel>/test/": [
        Door("POST", "/p/one/settings/channels/0/test/", P.CHANNEL_MANAGE)
    ],
    "p/<slug:project>/settings/channels/<int:channel>/secret/": [
        Door("POST", "/p/one/settings/channels/0/secret/", P.CHANNEL_MANAGE)
    ],
    "p/<slug:project>/settings/channels/<int:channel>/remove/": [
        Door("GET", "/p/one/settings/channels/0/remove/", P.CHANNEL_MANAGE)
    ],
    "p/<slug:project>/settings/channels/<int:channel>/rules/new/": [
        Door("GET", "/p/one/settings/channels/0/rules/new/", P.CHANNEL_MANAGE)
    ],
    "p/<slug:project>/settings/channels/<int:channel>/rules/<int:rule>/": [
        Door("GET", "/p/one/settings/channels/0/rules/0/", P.CHANNEL_MANAGE)
    ],
    "p/<slug:project>/settings/channels/<int:channel>/rules/<int:rule>/remove/": [
        Door("POST", "/p/one/settings/channels/0/rules/0/remove/", P.CHANNEL_MANAGE)
    ],
    "p/<slug:project>/settings/deliveries/": [Door("GET", "/p/one/settings/deliveries/", P.CHANNEL_MANAGE)],
    "p/<slug:project>/settings/deliveries/replay/": [
        Door("POST", "/p/one/settings/deliveries/replay/", P.CHANNEL_MANAGE)
    ],
    "p/<slug:project>/settings/deliveries/<int:delivery>/": [
        Door("GET", "/p/one/settings/deliveries/0/", P.CHANNEL_MANAGE)
    ],
    "p/<slug:project>/settings/deliveries/<int:delivery>/replay/": [
        Door("POST", "/p/one/settings/deliveries/0/replay/", P.CHANNEL_MANAGE)
    ],
    "p/<slug:project>/settings/masking/": [
        Door("GET", "/p/one/settings/masking/", P.AUDIT_VIEW),
        Door("POST", "/p/one/settings/masking/", P.PROJECT_MANAGE),
    ],
    "p/<slug:project>/settings/masking/try/": [Door("POST", "/p/one/settings/masking/try/", P.AUDIT_VIEW)],
    "p/<slug:project>/audit/": [Door("GET", "/p/one/audit/", P.AUDIT_VIEW)],
    # API
    "api/v1/teams": [
        Door("GET", "/api/v1/teams", P.APPROVAL_VIEW),
        Door("POST", "/api/v1/teams", P.MEMBER_MANAGE),
    ],
    "api/v1/teams/<slug:team>": [
        Door("GET", "/api/v1/teams/a", P.APPROVAL_VIEW),
        Door("PUT", "/api/v1/teams/a", P.MEMBER_MANAGE),
        Door("DELETE", "/api/v1/teams/a", P.MEMBER_MANAGE),
    ],
    "api/v1/agents": [Door("GET", "/api/v1/agents", P.TELEMETRY_VIEW)],
    "api/v1/agents/<name:name>": [Door("GET", "/api/v1/agents/a/b", P.TELEMETRY_VIEW)],
    "api/v1/events": [Door("POST", "/api/v1/events", None)],
    "api/v1/logs": [Door("GET", "/api/v1/logs", P.TELEMETRY_VIEW)],
    "api/v1/metrics": [Door("GET", "/api/v1/metrics", P.TELEMETRY_VIEW)],
    "api/v1/points": [Door("GET", "/api/v1/points?name=x", P.TELEMETRY_VIEW)],
    "api/v1/series": [Door("GET", "/api/v1/series?metric=requests", P.TELEMETRY_VIEW)],
    "api/v1/masking": [
        Door("GET", "/api/v1/masking", P.AUDIT_VIEW),
        Door("PUT", "/api/v1/masking", P.PROJECT_MANAGE),
    ],
    "api/v1/scores": [
        Door("GET", "/api/v1/scores", P.TELEMETRY_VIEW),
        Door("POST", "/api/v1/scores", P.SCORE_CREATE),
    ],
    "humanlayer/v1/function_calls": [Door("POST", "/humanlayer/v1/function_calls?project=one", P.APPROVAL_DECIDE)],
    "humanlayer/v1/contact_requests": [Door("POST", "/humanlayer/v1/contact_requests?project=one", P.APPROVAL_DECIDE)],
    "humanlayer/v1/<path:rest>": [Door("GET", "/humanlayer/v1/nothing-here", PUBLIC)],
    "api/public/ingestion": [Door("POST", "/api/public/ingestion", P.SCORE_CREATE)],
    "api/v1/sessions": [Door("GET", "/api/v1/sessions", P.TELEMETRY_VIEW)],
    "api/v1/sessions/<name:session_id>": [Door("GET", "/api/v1/sessions/a/b", P.TELEMETRY_VIEW)],
    "api/v1/traces": [Door("GET", "/api/v1/traces", P.TELEMETRY_VIEW)],
    "api/v1/traces/<str:trace_id>": [Door("GET", f"/api/v1/traces/{'0' * 31}1", P.TELEMETRY_VIEW)],
    "api/v1/approvals": [
        Door("GET", "/api/v1/approvals", P.APPROVAL_VIEW),
        Door("POST", "/api/v1/approvals", P.APPROVAL_DECIDE),
    ],
    "api/v1/approvals/decisions": [Door("POST", "/api/v1/approvals/decisions", P.APPROVAL_DECIDE)],
    "api/v1/analytics": [Door("GET", "/api/v1/analytics", P.APPROVAL_VIEW)],
    "api/v1/feedback": [Door("GET", "/api/v1/feedback", P.FEEDBACK_VIEW)],
    "api/v1/policies": [
        Door("GET", "/api/v1/policies", P.APPROVAL_VIEW),
        Door("POST", "/api/v1/policies", P.POLICY_EDIT),
    ],
    "api/v1/policies/<int:number>": [Door("GET", "/api/v1/policies/1", P.APPROVAL_VIEW)],
    "api/v1/risk-assessments": [Door("POST", "/api/v1/risk-assessments", P.APPROVAL_VIEW)],
    "api/v1/<path:rest>": [Door("GET", "/api/v1/nothing-here", PUBLIC)],
}
# Their objects carry the project, so an unknown id is 404 for everybody: the apps' own tests have real ones.
DOORS_OF_OBJECTS = {
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


def knock(client: Client, door: Door) -> HttpResponse:
    path = door.path
    if path.startswith("/api/v1/"):
        path += ("&" if "?" in path else "?") + "project=one"
    content_type = {"content_type": "application/json"} if path.startswith("/api/") else {}
    data = {"data": "{}"} if content_type and door.method == "POST" else {}
    return client.generic(door.method, path, **data, **content_type)  # type: ignore[return-value, arg-type]


def all_doors() -> list[Door]:
    return [door for doors in DOORS.values() for door in doors]


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
