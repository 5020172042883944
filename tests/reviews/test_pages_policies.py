"""The pages of the policy: reading it, drafting the next version, trying it, and what changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from agents.authentication import Caller
from agents.models import AuditEvent, Project, Team
from reviews.models import Approval, PolicyDraft, PolicyVersion
from reviews.policy.reading import read_policy
from reviews.policy.schema import load
from reviews.policy.templates import TEMPLATES
from reviews.services import policies
from tests.reviews.conftest import NOON, make_person

BASE = "/p/shop/policies/"
RULES = [
    {"name": "small", "effect": "auto_approve", "condition": 'action == "refund" && args.amount < 50'},
    {"name": "drops", "effect": "auto_reject", "condition": 'action == "drop"', "reason": "By hand only."},
    {"name": "the rest", "effect": "review", "condition": "true"},
]


@pytest.fixture
def lead(project: Project) -> Client:
    client = Client()
    client.force_login(make_person("Lea", project, "lead"), backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def reviewer(ana: Caller) -> Client:
    client = Client()
    assert ana.user is not None
    client.force_login(ana.user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def published(project: Project, ana: Caller) -> PolicyVersion:
    return policies.publish(project=project, by=ana, policy=read_policy({"rules": RULES}), note="Ours", now=NOON)


def text_of(client: Client, path: str, **query: str) -> str:
    answer = client.get(BASE + path, query)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def rule_form(**fields: Any) -> dict[str, Any]:
    start = {"name": "large", "condition": 'over("amount", 500)', "effect": "review", "enabled": "on", "approvals": 2}
    return {**start, "loops": 0, "final": "reject", "edition": 0, **fields}


def drafted(project: Project) -> list[str]:
    return [rule.name for rule in load(PolicyDraft.objects.get(project=project).document).rules]


def test_a_new_project_shows_its_templates_switched_off(reviewer: Client) -> None:
    text = text_of(reviewer, "")
    assert all(escape(template.name) in text for template in TEMPLATES)
    assert text.count("Switched off") == len(TEMPLATES)
    assert "every request is reviewed" in text
    assert "Medium from 0.3, high from 0.6, critical from 0.9." in text
    assert "policies/draft" not in text


def test_what_people_wrote_into_rules_is_text(project: Project, ana: Caller, lead: Client) -> None:
    rules = [{"name": "<b>x</b>", "effect": "auto_reject", "condition": "'<i>' == action", "reason": "<u>no</u>"}]
    policies.publish(project=project, by=ana, policy=read_policy({"rules": rules}), note="<s>", now=NOON)
    for path in ("", "draft/", "history/", "history/2/", "draft/rules/0/"):
        text = text_of(lead, path)
        assert not any(tag in text for tag in ("<b>x", "<i>'", "<u>no", "<s>"))


def test_rules_are_moved_switched_and_removed_in_a_draft(project: Project, lead: Client, published: object) -> None:
    for edition, (place, verb) in enumerate([(0, "down"), (1, "switch"), (0, "remove")]):
        answer = lead.post(f"{BASE}draft/", {"do": verb, "place": place, "edition": edition})
        assert answer.status_code == 302
    assert drafted(project) == ["small", "the rest"]
    assert not load(PolicyDraft.objects.get().document).rules[0].enabled
    assert PolicyVersion.objects.count() == 2
    text = text_of(lead, "draft/")
    assert "A draft on version 2, last changed by Lea" in text
    assert "Rule drops" in text
    rows = AuditEvent.objects.filter(action="policy.draft_changed").order_by("pk")
    assert {(row.project_id, row.actor_label) for row in rows} == {(project.pk, "Lea")}
    moved, switched, removed = ([(one["name"], one["field"]) for one in _told(row)] for row in rows)
    assert (moved, switched) == ([("", "order")], [("small", "enabled")])
    assert removed == [("drops", "")]
    assert "effect: auto_reject" in _told(rows[2])[0]["before"]


def _told(row: AuditEvent) -> list[dict[str, str]]:
    """The changes in an audit row, with every member that a change may have."""
    return [{"name": "", "field": "", "before": "", "after": "", **one} for one in row.detail["changes"]]


def test_two_people_do_not_overwrite_each_other(project: Project, lead: Client, published: object) -> None:
    lead.post(f"{BASE}draft/", {"do": "remove", "place": 0, "edition": 0})
    answer = lead.post(f"{BASE}draft/", {"do": "remove", "place": 0, "edition": 0}, follow=True)
    assert "Somebody else has changed the draft" in answer.content.decode()
    assert drafted(project) == ["drops", "the rest"]


def test_a_rule_is_written_and_published(project: Project, lead: Client, published: object) -> None:
    Team.objects.create(project=project, slug="finance", name="Finance", created_at=NOON)
    steps = {"steps": "finance 15m\nlea@example.com 2h".replace("example.com", "example.org"), "on_timeout": "escalate"}
    form = rule_form(team="finance", deadline="10m", four_eyes="always", risk_level="high", **steps)
    assert lead.post(f"{BASE}draft/rules/3/", form).status_code == 302
    assert drafted(project) == ["small", "drops", "large", "the rest"]
    text = text_of(lead, "draft/rules/2/")
    assert "finance 15m\nlea@example.org 2h" in text
    text = text_of(lead, "draft/")
    assert "2 approvals · team finance · within 10m · high risk · then finance 15m, lea@example.org 2h" in text
    assert lead.post(f"{BASE}draft/", {"do": "publish", "edition": 1, "note": "Large ones"}).status_code == 302
    newest = policies.in_force(project=project)
    assert (newest.number, newest.note) == (3, "Large ones")
    rule = policies.policy_of(newest).rules[2]
    assert (rule.review.deadline_seconds, rule.review.team, rule.review.four_eyes) == (600, "finance", True)
    assert [step.seconds for step in rule.review.escalation.steps] == [900, 7_200]
    assert not PolicyDraft.objects.exists()
    assert "Rule large" in text_of(lead, "history/3/")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"condition": "args.amount >"}, "Is not CEL"),
        ({"condition": "amount > 3"}, "Uses amount, which there is not"),
        ({"name": "drops"}, "Another rule has this name."),
        ({"deadline": "soon"}, "Write a length of time such as 15m."),
        ({"steps": "finance"}, "does not end with a length of time"),
        ({"on_timeout": "escalate"}, "no escalation steps"),
        ({"approvals": 0}, "greater than or equal to 1"),
        ({"steps": "finanze 15m"}, "There is no team “finanze” in this project."),
        ({"steps": "nobody@example.org 15m"}, "Nobody@example.org is no member of this project."),
    ],
)
def test_a_rule_that_cannot_be_used_is_shown_again(
    lead: Client, published: object, fields: dict[str, Any], words: str
) -> None:
    answer = lead.post(f"{BASE}draft/rules/3/", rule_form(**fields))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not PolicyDraft.objects.exists()


def test_a_template_is_taken_over_and_changed(project: Project, lead: Client) -> None:
    text = text_of(lead, f"draft/rules/{len(TEMPLATES) + 1}/", template="4")
    assert "confidence != null &amp;&amp; confidence &lt; 0.7" in text
    assert 'value="low confidence 2"' in text


def test_a_draft_that_names_a_team_which_is_gone_is_not_published(
    project: Project, lead: Client, published: object
) -> None:
    team = Team.objects.create(project=project, slug="finance", name="Finance", created_at=NOON)
    lead.post(f"{BASE}draft/rules/3/", rule_form(team="finance"))
    team.archived_at = NOON
    team.save()
    answer = lead.post(f"{BASE}draft/", {"do": "publish", "edition": 1}, follow=True)
    assert "There is no team “finance” in this project." in answer.content.decode()
    assert policies.in_force(project=project).number == 2
    assert 'value="finance" selected' in text_of(lead, "draft/rules/2/")


def test_factors_and_levels_are_edited(project: Project, lead: Client) -> None:
    rows = [
        {"name": "amount", "condition": 'over("amount", 900)', "weight": "0.5", "enabled": "on"},
        {
            "name": "amount",
            "condition": 'over("amount", 1000) && !over("amount", 10000)',
            "weight": "0.2",
            "DELETE": "on",
        },
        {"name": "data classification", "condition": 'word("data_classification") == "confidential"', "weight": "0.3"},
        {"name": "irreversible", "condition": 'is_true("irreversible")', "weight": "0.3", "enabled": "on"},
        {"name": "late", "condition": "time.hour > 20", "weight": "0.1", "enabled": "on"},
        {"name": "", "condition": "", "weight": "", "enabled": "on"},
    ]
    form: dict[str, Any] = {"factor-TOTAL_FORMS": 6, "factor-INITIAL_FORMS": 4, "edition": 0}
    form |= {f"factor-{place}-{name}": value for place, row in enumerate(rows) for name, value in row.items()}
    form |= {"level-medium": "0.2", "level-high": "0.5", "level-critical": "0.8"}
    answer = lead.post(f"{BASE}draft/risk/", form)
    assert answer.status_code == 302, answer.content.decode()
    draft = load(PolicyDraft.objects.get().document)
    assert [(one.name, str(one.weight), one.enabled) for one in draft.factors] == [
        ("amount", "0.5", True),
        ("data classification", "0.3", False),
        ("irreversible", "0.3", True),
        ("late", "0.1", True),
    ]
    assert str(draft.levels.high) == "0.5"
    wrong = lead.post(f"{BASE}draft/risk/", form | {"level-high": "0.9", "edition": 1})
    assert wrong.status_code == 422
    assert "The levels must rise" in wrong.content.decode()


def test_a_sample_is_tried_against_the_draft(project: Project, lead: Client, published: object) -> None:
    sample = json.dumps({"action": "refund", "arguments": {"amount": 20}})
    text = lead.post(f"{BASE}bench/", {"sample": sample}).content.decode()
    assert "It is approved at once" in text
    lead.post(f"{BASE}draft/", {"do": "remove", "place": 0, "edition": 0})
    text = lead.post(f"{BASE}bench/?on=draft", {"sample": sample, "on": "draft"}).content.decode()
    assert "People review it" in text
    assert Approval.objects.count() == 0


def test_a_condition_that_fails_is_shown_on_the_bench(lead: Client, published: object) -> None:
    text = lead.post(f"{BASE}bench/", {"sample": '{"action": "refund"}'}).content.decode()
    assert "Conditions failed, so people look" in text
    assert "it asks for amount, which the request does not have" in text


def test_a_past_request_is_tried_as_of_its_time(
    lead: Client, request_one: Callable[..., Approval], published: object
) -> None:
    made = request_one(action="refund", arguments={"amount": 20})
    for given in (str(made.pk), f"http://testserver/p/shop/queue/{made.pk}/"):
        text = text_of(lead, "bench/", request=given)
        assert "Then it matched “small”." in text
    assert "There is no request with this id" in text_of(lead, "bench/", request="nonsense")


@pytest.mark.parametrize("sample", ["{", "[]", '{"arguments": {}}', '{"action": "x", "colour": 1}', "[" * 5_000])
def test_a_sample_that_is_no_request_is_refused_in_words(lead: Client, sample: str) -> None:
    answer = lead.post(f"{BASE}bench/", {"sample": sample})
    assert answer.status_code == 422
    assert "field-errors" in answer.content.decode()


def test_versions_are_compared(project: Project, lead: Client, published: object, ana: Caller) -> None:
    policies.publish(project=project, by=ana, policy=read_policy({"rules": RULES[1:]}), now=NOON)
    text = text_of(lead, "history/3/")
    assert "Rule small" in text
    assert "Rule drops" not in text.partition("Rules, in the order")[0]
    text = text_of(lead, "history/3/", against="1")
    assert "Rule drops" in text
    assert text_of(lead, "history/").count("row-link") == 3
    assert lead.get(f"{BASE}history/9/").status_code == 404


def test_the_pages_ask_the_database_as_often_whatever_there_is(project: Project, lead: Client, ana: Caller) -> None:
    def counted() -> list[int]:
        counts = []
        for path in ("", "draft/", "history/", "history/2/", "bench/"):
            with CaptureQueriesContext(connection) as queries:
                text_of(lead, path)
            counts.append(len(queries))
        return counts

    def publish(number: int) -> None:
        rules = [{"name": f"r{place}", "effect": "review", "condition": "true"} for place in range(number)]
        policies.publish(project=project, by=ana, policy=read_policy({"rules": rules}), now=NOON)

    publish(1)
    counted()  # Once for what each process keeps.
    few = counted()
    for number in range(2, 14):
        publish(number)
    text_of(lead, "")
    assert counted() == few
