"""/api/v1/budgets, as programs and the SDK's `check_budget` call it."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from agents.models import AuditEvent, Membership, Project, User
from metrics.models import Budget
from tests.metrics.budgets.conftest import DOLLAR, Call, Make
from tests.metrics.budgets.test_spent import spent
from tests.metrics.sending import NOW, Sending

BODY = {"name": "Support", "agent": "support", "period": "day", "limit": "12.5", "when_spent": "refuse"}


def test_a_budget_is_made_read_changed_and_archived(call: Call, project: Project, sending: Sending) -> None:
    made = call("post", "budgets", BODY)
    assert made.status_code == 201, made.content
    document = made.json()
    assert (document["limit"], document["warn_share"], document["when_spent"]) == ("12.5", 0.8, "refuse")
    assert (document["spent"], document["remaining"], document["level"]) == ("0", "12.5", "fine")
    assert (document["period_start"], document["resets_at"]) == (
        "2026-03-02T00:00:00.000000Z",
        "2026-03-03T00:00:00.000000Z",
    )
    spent(sending, "support", millions=80)
    address = f"budgets/{document['id']}"
    read = call("get", address).json()
    assert (read["spent"], read["remaining"], read["share"], read["level"]) == ("12", "0.5", 0.96, "warned")
    changed = call("patch", address, {"limit": 12, "name": "Desk"}).json()
    assert (changed["name"], changed["agent"], changed["level"], changed["remaining"]) == (
        "Desk",
        "support",
        "spent",
        "0",
    )
    assert call("delete", address).status_code == 204
    assert call("delete", address).status_code == 204, "archiving again changes nothing"
    assert call("get", "budgets").json()["results"] == []
    assert call("get", address).json()["archived_at"]
    assert call("patch", address, {"limit": 1}).status_code == 409
    acts = AuditEvent.objects.filter(project=project, action__startswith="budget.").order_by("pk")
    assert [act.action for act in acts] == ["budget.create", "budget.change", "budget.archive"]
    assert acts[1].detail == {"name": {"from": "Support", "to": "Desk"}, "limit": {"from": "12.5", "to": "12"}}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": "1e400"}, "limit"),
        ({"limit": "0.0000000001"}, "limit"),
        ({"limit": 10**10}, "limit"),
        ({"limit": None}, "limit"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00"}, ""),
        ({"agent": "a" * 201}, "agent"),
        ({"model": "gpt"}, "model"),
        ({"period": "year"}, "period"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"warn_share": 1.5}, "warn_share"),
        ({"warn_share": 0}, "warn_share"),
        ({"warn_share": "NaN"}, "warn_share"),
        ({"when_spent": "explode"}, "when_spent"),
        ({"amount": 3}, "amount"),
    ],
)
def test_what_cannot_be_is_refused_by_field(call: Call, change: dict[str, Any], field: str) -> None:
    answer = call("post", "budgets", BODY | change)
    assert answer.status_code == (422 if field else 400), answer.content
    if field:
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not Budget.objects.exists()


def test_a_name_a_period_and_a_limit_are_needed(call: Call) -> None:
    for name in ("name", "period", "limit"):
        answer = call("post", "budgets", {key: value for key, value in BODY.items() if key != name})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name)


def test_a_check_without_budgets_allows(call: Call) -> None:
    answer = call("get", "budgets/check", scopes=("telemetry:read",)).json()
    assert answer["allowed"] is True
    assert answer["budget"] is answer["spent"] is answer["limit"] is answer["remaining"] is answer["resets_at"] is None
    assert answer["budgets"] == []


def test_a_check_says_what_the_tightest_budget_says(call: Call, make: Make, sending: Sending) -> None:
    make(name="all", limit_nanos=10 * DOLLAR)
    tight = make(name="mine", agent="support", limit_nanos=DOLLAR, when_spent="refuse")
    spent(sending, "support", millions=6)
    answer = call("get", "budgets/check?agent=support&model=gpt-4o-mini").json()
    assert (answer["allowed"], answer["level"]) == (True, "warned")
    assert (answer["spent"], answer["limit"], answer["remaining"]) == ("0.9", "1", "0.1")
    assert answer["budget"] == {"id": tight.pk, "name": "mine", "agent": "support", "model": None, "period": "day"}
    assert [each["name"] for each in answer["budgets"]] == ["mine", "all"]
    spent(sending, "support", millions=1)
    answer = call("get", "budgets/check?agent=support").json()
    assert (answer["allowed"], answer["level"], answer["remaining"]) == (False, "spent", "0")
    assert answer["resets_at"] == "2026-03-03T00:00:00.000000Z"
    assert call("get", "budgets/check?agent=other").json()["allowed"] is True


def test_a_budget_that_only_warns_allows_when_it_is_spent(call: Call, make: Make, sending: Sending) -> None:
    make(limit_nanos=1)
    spent(sending)
    answer = call("get", "budgets/check").json()
    assert (answer["allowed"], answer["level"], answer["remaining"]) == (True, "spent", "0")


def test_what_has_no_price_is_said_and_is_not_nothing(call: Call, make: Make, sending: Sending) -> None:
    make()
    spent(sending, model="nobody-knows-this-model")
    answer = call("get", "budgets/check").json()
    assert (answer["spent"], answer["remaining"], answer["share"], answer["unpriced_calls"]) == (None, None, None, 1)
    spent(sending)
    answer = call("get", "budgets/check").json()
    assert (answer["spent"], answer["unpriced_calls"]) == ("0.15", 1)


def test_what_budgets_are_not_for_is_refused(call: Call) -> None:
    answer = call("get", "budgets/check?user=me")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "user")
    assert call("get", f"budgets/check?agent={'a' * 201}").status_code == 422
    assert call("get", "budgets/check?agent=a%00").status_code == 422


def test_keys_need_the_scope_for_what_they_do(call: Call, make: Make) -> None:
    budget = make()
    reader, agent = ("telemetry:read",), ("approvals:request",)
    assert call("get", "budgets", scopes=reader).status_code == 200
    assert call("get", "budgets/check", scopes=agent).status_code == 403
    for method, path in (("post", "budgets"), ("patch", f"budgets/{budget.pk}"), ("delete", f"budgets/{budget.pk}")):
        assert call(method, path, BODY, scopes=reader).status_code == 403


def test_budgets_of_other_projects_are_not_there(call: Call, make: Make, other_project: Project) -> None:
    theirs = make(of=other_project)
    for method in ("get", "patch", "delete"):
        answer = call(method, f"budgets/{theirs.pk}", {"limit": 1} if method == "patch" else None)
        assert answer.status_code == 404, method
    assert call("get", "budgets").json()["results"] == []
    assert call("get", "budgets/check").json()["budgets"] == []


def test_roles_may_what_the_matrix_says(make: Make, project: Project, at_noon: None, browser_of: Any) -> None:
    budget = make()
    for role, may in (("viewer", False), ("reviewer", False), ("lead", False), ("operator", True), ("admin", True)):
        person = User.objects.create_user(f"{role}2@example.org")
        Membership.objects.create(user=person, project=project, role=role)
        browser: Client = browser_of(person)
        path = f"/api/v1/budgets/{budget.pk}"
        assert browser.get(path).status_code == 200
        sent = browser.patch(path, {"name": role}, content_type="application/json")
        assert sent.status_code == (200 if may else 403), role


def test_a_repeated_key_makes_one_budget(browser_of: Any, operator: User) -> None:
    browser: Client = browser_of(operator)
    for _ in range(2):
        answer = browser.post(
            "/api/v1/budgets", BODY, content_type="application/json", headers={"idempotency-key": "budget-1"}
        )
        assert answer.status_code == 201
    assert answer["Idempotent-Replayed"] == "true"
    assert Budget.objects.get().created_by == operator


def test_the_number_of_queries_of_a_check_does_not_grow(call: Call, make: Make, sending: Sending) -> None:
    spent(sending)
    counts = []
    for number in (1, 8):
        for other in range(number):
            make(name=f"{number} {other}", period="month")
        with CaptureQueriesContext(connection) as queries:
            assert call("get", "budgets/check?agent=a", scopes=("telemetry:read",)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_project_keeps_only_so_many(call: Call, project: Project, operator: User) -> None:
    Budget.objects.bulk_create(
        Budget(project=project, name="b", period="day", limit_nanos=1, when_spent="warn", created_at=NOW)
        for _ in range(100)
    )
    answer = call("post", "budgets", BODY)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "name")


def test_what_comes_is_what_the_document_promises(call: Call, make: Make, sending: Sending) -> None:
    document: Any = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]

    def faults(name: str, value: Any) -> list[str]:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(value)]

    assert faults("BudgetCheck", call("get", "budgets/check").json()) == []
    budget = make(model="nobody-knows-this-model")
    make(agent="a")
    spent(sending, model="nobody-knows-this-model")
    assert faults("BudgetCheck", call("get", "budgets/check?agent=a&model=nobody-knows-this-model").json()) == []
    assert faults("BudgetPage", call("get", "budgets").json()) == []
    call("delete", f"budgets/{budget.pk}")
    assert faults("Budget", call("get", f"budgets/{budget.pk}").json()) == []
