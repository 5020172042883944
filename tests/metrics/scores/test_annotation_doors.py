"""Annotation queues over the API and on pages: made, filled, worked and watched, each by those who may."""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import ApiKey, AuditEvent, Membership, Project, User, api_key
from agents.models.credential import digest, new_secret
from agents.permissions import Scope
from metrics.annotating import Target
from metrics.models import AnnotationQueue, Score, ScoreConfig
from metrics.services import annotation_queues
from tests.metrics.sending import NOW, Sending

TRACES = [bytes([number]) * 16 for number in range(1, 10)]
Person = Callable[..., User]


def fill(queue: AnnotationQueue, lead: User, traces: list[bytes]) -> None:
    targets = [Target(trace) for trace in traces]
    annotation_queues.add(queue=queue, targets=targets, by=Caller(user=lead), now=NOW)


def key_of(project: Project, *scopes: Scope) -> Any:
    secret = new_secret(api_key.PREFIX)
    ApiKey.objects.create(project=project, name=f"key {secret[-4:]}", secret_hash=digest(secret), scopes=list(scopes))
    return {"authorization": f"Bearer {secret}"}


def test_programs_add_items_and_list_them(
    project: Project, other_project: Project, queue: AnnotationQueue, at_noon: None
) -> None:
    url = f"/api/v1/annotation-queues/{queue.pk}/items"
    headers = key_of(project, Scope.TELEMETRY_WRITE, Scope.TELEMETRY_READ)

    def post(body: Any) -> Any:
        return Client().post(url, body, content_type="application/json", headers=headers)

    one = {"trace_id": TRACES[0].hex(), "reason": "complaint"}
    assert post(one).json() == {"added": 1, "known": 0}
    assert post([one, {"trace_id": TRACES[0].hex(), "span_id": "ab" * 8}]).json() == {"added": 1, "known": 1}
    assert post([one, {"trace_id": "x"}]).json()["errors"][0]["field"] == "[1].trace_id"
    listed = Client().get(url, {"limit": 1}, headers=headers).json()
    assert (listed["results"][0]["span_id"], bool(listed["next"])) == ("ab" * 8, True)
    assert Client().get(url, {"state": "gone"}, headers=headers).status_code == 422
    queues = Client().get("/api/v1/annotation-queues", headers=headers).json()["results"]
    assert [(row["name"], row["waiting"], row["done"], row["scores"]) for row in queues] == [
        ("Look again", 2, 0, ["rating"])
    ]
    theirs = key_of(other_project, Scope.TELEMETRY_WRITE, Scope.TELEMETRY_READ)
    assert Client().get(url, headers=theirs).status_code == 404
    assert Client().post(url, one, content_type="application/json", headers=theirs).status_code == 404
    assert Client().get("/api/v1/annotation-queues", headers=theirs).json()["results"] == []


def test_programs_make_queues(project: Project, rating: ScoreConfig, at_noon: None) -> None:
    headers = key_of(project, Scope.ADMIN)

    def post(**change: Any) -> Any:
        body = {"name": "Nightly", "scores": ["rating"], **change}
        return Client().post("/api/v1/annotation-queues", body, content_type="application/json", headers=headers)

    made = post()
    assert made.status_code == 201
    assert (made.json()["name"], made.json()["scores"], made.json()["reviewers"]) == ("Nightly", ["rating"], 1)
    for change, field in (
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "b", "scores": ["tone"]}, "scores"),
        ({"name": "b", "scores": []}, "scores"),
        ({"name": "b", "reviewers": 0}, "reviewers"),
        ({"name": "b", "team": "nobody"}, "team"),
        ({"name": "b", "colour": 1}, "colour"),
    ):
        refused = post(**change)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
    writer = key_of(project, Scope.TELEMETRY_WRITE)
    answer = Client().post("/api/v1/annotation-queues", {}, content_type="application/json", headers=writer)
    assert answer.status_code == 403


def test_a_person_works_the_queue_on_its_pages(
    sending: Sending, queue: AnnotationQueue, lead: User, person: Person, rating: ScoreConfig, browser_of: Any
) -> None:
    roots = [sending.agent(), sending.agent()]
    sending.send(roots)
    ana = browser_of(person("Ana"))
    base = f"/p/fleet/annotation/{queue.pk}/"
    for root in roots:
        answer = ana.post(f"/p/fleet/traces/{root.trace_id.hex()}/annotate/", {"queue": queue.pk})
        assert answer.status_code == 302
    first = ana.post(f"{base}next/").url
    assert "Save and next" in ana.get(first).content.decode()
    field = f"config-{rating.pk}"
    refused = ana.post(first, {field: "9"})
    assert refused.status_code == 422
    assert ana.post(first, {}).status_code == 422
    second = ana.post(first, {field: "5", "comment": "Fine"}).url
    assert second not in {first, base}
    assert ana.post(f"{second}skip/").url == base
    assert Score.objects.get().comment == "Fine"
    page = ana.get(base).content.decode()
    assert "1 scored" in page
    assert "1 skipped" in page
    assert ana.get(f"{base}?state=done").status_code == 200


def test_those_who_may_not_score_see_the_queue_and_no_form(queue: AnnotationQueue, lead: User, page: Client) -> None:
    fill(queue, lead, TRACES[:1])
    base = f"/p/fleet/annotation/{queue.pk}/"
    item = f"{base}items/{queue.items.get().pk}/"
    assert page.get(base).status_code == 200
    told = page.get(item).content.decode()
    assert "Save and next" not in told
    for url in (f"{base}next/", item, f"{item}skip/", f"{item}assign/", f"{base}rules/", f"{base}archive/"):
        assert page.post(url).status_code == 403
    assert page.get(f"{base}settings/").status_code == 403


def test_items_of_another_project_do_not_exist(
    queue: AnnotationQueue, lead: User, other_project: Project, browser_of: Any
) -> None:
    fill(queue, lead, TRACES[:1])
    Membership.objects.create(user=lead, project=other_project, role="lead")
    browser = browser_of(lead)
    base = f"/p/strangers/annotation/{queue.pk}/"
    assert browser.get(base).status_code == 404
    assert browser.get(f"{base}items/{queue.items.get().pk}/").status_code == 404
    assert browser.post(f"{base}next/").status_code == 404


def test_a_lead_sets_a_queue_up(
    project: Project, rating: ScoreConfig, lead: User, browser_of: Any, at_noon: None
) -> None:
    browser = browser_of(lead)
    assert "No queues yet" in browser.get("/p/fleet/annotation/").content.decode()
    assert browser.post("/p/fleet/annotation/new/", {"name": "Q", "reviewers": 1}).status_code == 422
    made = browser.post("/p/fleet/annotation/new/", {"name": "Q", "reviewers": 2, "configs": [rating.pk]})
    assert made.status_code == 302
    queue = AnnotationQueue.objects.get()
    asked = {"kind": "sample", "amount": "10", "query": "https://x/p/fleet/traces/?agent=support#top"}
    assert browser.post(f"/p/fleet/annotation/{queue.pk}/rules/", asked).status_code == 302
    assert queue.rules.get().query == "agent=support"
    assert browser.post(f"/p/fleet/annotation/{queue.pk}/rules/", {"kind": "sample"}).status_code == 422
    shown = browser.get(f"/p/fleet/annotation/{queue.pk}/settings/").content.decode()
    assert "agent=support" in shown
    gone = browser.post(f"/p/fleet/annotation/{queue.pk}/rules/{queue.rules.get().pk}/remove/")
    assert gone.status_code == 302
    assert not queue.rules.exists()
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"annotation_queue.created", "annotation_rule.added", "annotation_rule.removed"} <= actions


def test_pages_ask_as_many_queries_for_many_items_as_for_few(
    queue: AnnotationQueue, lead: User, browser_of: Any
) -> None:
    browser, base = browser_of(lead), f"/p/fleet/annotation/{queue.pk}/"
    fill(queue, lead, TRACES[:1])
    browser.get(base)
    with CaptureQueriesContext(connection) as few:
        browser.get(base)
    fill(queue, lead, TRACES)
    with CaptureQueriesContext(connection) as many:
        browser.get(base)
    assert len(few) == len(many)
