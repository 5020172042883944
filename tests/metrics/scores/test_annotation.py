"""Annotation queues: filled by hand and by rules, worked by people one after the other, never by two at once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import ApiKey, AuditEvent, Membership, Project, Team, TeamMember, User, api_key
from agents.models.credential import digest, new_secret
from agents.permissions import Scope
from metrics.annotating import RuleSpec, Target, in_sample
from metrics.models import AnnotationItem, AnnotationQueue, AnnotationReview, Score, ScoreConfig
from metrics.scoring import Draft, Refused
from metrics.services import annotation_queues, annotation_rules, annotation_work
from metrics.services.annotation_queues import QueueSpec
from metrics.services.annotation_work import AlreadyDone, Held, NotAsked, Taken
from tests.metrics.sending import NOW, Sending

TRACES = [bytes([number]) * 16 for number in range(1, 10)]
LATER = NOW + timedelta(minutes=10)
Person = Callable[..., User]


@pytest.fixture
def person(project: Project) -> Person:
    def make(name: str, role: str = "reviewer") -> User:
        made = User.objects.create_user(f"{name.lower()}@example.org", name=name)
        Membership.objects.create(user=made, project=project, role=role)
        return made

    return make


@pytest.fixture
def lead(person: Person) -> User:
    return person("Lena", "lead")


@pytest.fixture
def rating(project: Project) -> ScoreConfig:
    return ScoreConfig.objects.create(
        project=project, name="rating", data_type="numeric", min_value=1, max_value=5, created_at=NOW, updated_at=NOW
    )


@pytest.fixture
def queue(project: Project, rating: ScoreConfig, lead: User) -> AnnotationQueue:
    spec = QueueSpec("Look again", [rating])
    return annotation_queues.create(project=project, spec=spec, by=Caller(user=lead), now=NOW)


def fill(queue: AnnotationQueue, lead: User, traces: list[bytes]) -> None:
    targets = [Target(trace) for trace in traces]
    annotation_queues.add(queue=queue, targets=targets, by=Caller(user=lead), now=NOW)


def draft(item: AnnotationItem, value: float = 4) -> list[Draft]:
    return [Draft(trace_id=bytes(item.trace_id), name="rating", value=value)]


def rule(queue: AnnotationQueue, lead: User, **spec: Any) -> Any:
    return annotation_queues.add_rule(queue=queue, spec=RuleSpec(**spec), by=Caller(user=lead), now=NOW)


def found(queue: AnnotationQueue) -> set[bytes]:
    return {bytes(item.trace_id) for item in queue.items.all()}


# Working


def test_two_people_get_two_items_and_whoever_comes_back_gets_their_own(
    queue: AnnotationQueue, lead: User, person: Person
) -> None:
    fill(queue, lead, TRACES[:2])
    ana, ben = person("Ana"), person("Ben")
    first = annotation_work.take_next(queue=queue, by=ana, now=NOW)
    second = annotation_work.take_next(queue=queue, by=ben, now=NOW)
    assert first
    assert second
    assert first.pk < second.pk
    again = annotation_work.take_next(queue=queue, by=ana, now=NOW)
    assert again == first
    assert annotation_work.take_next(queue=queue, by=lead, now=NOW) is None


def test_a_lease_runs_out_by_itself(queue: AnnotationQueue, lead: User, person: Person) -> None:
    fill(queue, lead, TRACES[:1])
    ana, ben = person("Ana"), person("Ben")
    item = annotation_work.take_next(queue=queue, by=ana, now=NOW)
    assert item
    held = annotation_work.take(item=item, by=ben, now=NOW)
    assert isinstance(held, Held)
    assert held.name == "Ana"
    assert isinstance(annotation_work.submit(item=item, drafts=draft(item), by=ben, now=NOW), Held)
    after = NOW + annotation_work.LEASE
    assert isinstance(annotation_work.take(item=item, by=ben, now=after), Taken)
    assert isinstance(annotation_work.submit(item=item, drafts=draft(item), by=ana, now=after), Held)
    assert not Score.objects.exists()


def test_an_item_is_done_when_so_many_people_have_scored_it(
    queue: AnnotationQueue, lead: User, person: Person, rating: ScoreConfig
) -> None:
    spec = QueueSpec("Look again", [rating], reviewers=2)
    annotation_queues.change(queue=queue, spec=spec, by=Caller(user=lead), now=NOW)
    queue.refresh_from_db()
    fill(queue, lead, TRACES[:1])
    ana, ben, cleo = person("Ana"), person("Ben"), person("Cleo")
    for who, value in ((ana, 4), (ben, 2)):
        item = annotation_work.take_next(queue=queue, by=who, now=NOW)
        assert item
        assert isinstance(annotation_work.submit(item=item, drafts=draft(item, value), by=who, now=NOW), Taken)
        assert isinstance(annotation_work.submit(item=item, drafts=draft(item, value), by=who, now=NOW), AlreadyDone)
    done = queue.items.get()
    assert (done.state, done.done_count, done.locked_by_id) == ("done", 2, None)
    assert isinstance(annotation_work.submit(item=done, drafts=draft(done), by=cleo, now=NOW), AlreadyDone)
    assert sorted(Score.objects.values_list("value", "source")) == [(2.0, "human"), (4.0, "human")]
    assert AuditEvent.objects.filter(action="annotation_item.scored").count() == 2


def test_what_somebody_skips_goes_to_others(queue: AnnotationQueue, lead: User, person: Person) -> None:
    fill(queue, lead, TRACES[:1])
    ana, ben = person("Ana"), person("Ben")
    item = annotation_work.take_next(queue=queue, by=ana, now=NOW)
    assert item
    annotation_work.skip(item=item, by=ana, now=NOW)
    assert annotation_work.take_next(queue=queue, by=ana, now=NOW) is None
    assert annotation_work.take_next(queue=queue, by=ben, now=NOW) == item
    assert annotation_work.release(item=item, by=ben)
    # Whoever opens it again after all may still score it.
    assert isinstance(annotation_work.submit(item=item, drafts=draft(item), by=ana, now=NOW), Taken)
    assert AnnotationReview.objects.get().state == "done"


def test_an_item_that_is_given_to_somebody_is_theirs_first(queue: AnnotationQueue, lead: User, person: Person) -> None:
    fill(queue, lead, TRACES[:3])
    ana, ben, vic = person("Ana"), person("Ben"), person("Vic", "viewer")
    last = queue.items.order_by("-pk")[0]
    annotation_queues.assign(item=last, person=ana, by=Caller(user=lead), now=NOW)
    assert annotation_work.take_next(queue=queue, by=ana, now=NOW) == last
    annotation_work.release(item=last, by=ana)
    for _ in range(2):
        item = annotation_work.take_next(queue=queue, by=ben, now=NOW)
        assert item
        assert item != last
        annotation_work.skip(item=item, by=ben, now=NOW)
    assert annotation_work.take_next(queue=queue, by=ben, now=NOW) is None
    with pytest.raises(Refused):
        annotation_queues.assign(item=last, person=vic, by=Caller(user=lead), now=NOW)


def test_a_queue_of_a_team_asks_its_members_alone(
    project: Project, queue: AnnotationQueue, lead: User, person: Person, rating: ScoreConfig
) -> None:
    ana, ben = person("Ana"), person("Ben")
    team = Team.objects.create(project=project, slug="care", name="Care", created_at=NOW)
    TeamMember.objects.create(team=team, membership=Membership.objects.get(user=ana))
    spec = QueueSpec("Look again", [rating], team=team)
    queue = annotation_queues.change(queue=queue, spec=spec, by=Caller(user=lead), now=NOW)
    fill(queue, lead, TRACES[:1])
    with pytest.raises(NotAsked):
        annotation_work.take_next(queue=queue, by=ben, now=NOW)
    assert annotation_work.take_next(queue=queue, by=ana, now=NOW)


# Filling


def test_rules_take_errors_and_what_cost_much_and_look_at_nothing_twice(
    sending: Sending, queue: AnnotationQueue, lead: User
) -> None:
    errors = rule(queue, lead, kind="errors")
    rule(queue, lead, kind="high_cost", amount=0.01)
    fine, failed = sending.agent(ago=-10), sending.span("failed", ago=-20, error="timeout")
    dear = sending.agent(ago=-30)
    call = sending.call(dear, ago=-30, tokens=(1_000_000, 100_000))
    old = sending.span("old", ago=60, error="timeout")
    sending.send([fine, failed, dear, call, old])
    assert annotation_rules.fill(now=NOW + timedelta(minutes=1)) == 0
    assert annotation_rules.fill(now=LATER) == 2
    assert found(queue) == {failed.trace_id, dear.trace_id}
    assert annotation_rules.fill(now=LATER + timedelta(hours=1)) == 0
    errors.refresh_from_db()
    assert (errors.matched, errors.added) == (1, 1)
    reasons = {bytes(item.trace_id): item.reason for item in queue.items.all()}
    assert reasons[failed.trace_id] == "1 error"
    assert reasons[dear.trace_id].startswith("cost $")


def test_a_rule_keeps_to_its_filter(sending: Sending, queue: AnnotationQueue, lead: User) -> None:
    rule(queue, lead, kind="errors", query="environment=production")
    here = sending.span("a", ago=-10, error="x", environment="production")
    there = sending.span("b", ago=-10, error="x", environment="staging")
    sending.send([here, there])
    annotation_rules.fill(now=LATER)
    assert found(queue) == {here.trace_id}


def test_every_nth_counts_on_from_round_to_round(
    sending: Sending, queue: AnnotationQueue, lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(annotation_rules, "ROUND_ROWS", 2)
    rule(queue, lead, kind="every_nth", amount=3)
    spans = [sending.span(f"n{number}", ago=-number) for number in range(1, 8)]
    sending.send(spans)
    annotation_rules.fill(now=LATER)
    assert found(queue) == {spans[2].trace_id, spans[5].trace_id}
    more = [sending.span("m", ago=-400 - number) for number in range(1, 3)]
    sending.send(more)
    annotation_rules.fill(now=LATER + timedelta(minutes=5))
    assert found(queue) == {spans[2].trace_id, spans[5].trace_id, more[1].trace_id}


def test_a_sample_is_the_same_each_time_and_about_as_large_as_asked() -> None:
    ids = [number.to_bytes(16, "big") for number in range(10_000)]
    taken = {one for one in ids if in_sample(7, one, 10)}
    assert taken == {one for one in ids if in_sample(7, one, 10)}
    assert 850 < len(taken) < 1_150
    assert taken != {one for one in ids if in_sample(8, one, 10)}
    assert all(in_sample(7, one, 100) for one in ids)


def test_low_scores_bring_their_traces_and_spans(
    sending: Sending, project: Project, queue: AnnotationQueue, lead: User
) -> None:
    root = sending.agent(ago=-5)
    call = sending.call(root)
    other = sending.agent(ago=-5)
    sending.send([root, call, other])
    low = rule(queue, lead, kind="low_score", score_name="rating", amount=2)

    def score(trace: bytes, value: float, span: bytes | None = None, name: str = "rating") -> None:
        Score.objects.create(
            project=project, trace_id=trace, span_id=span, name=name, value=value, source="sdk", author="",
            created_at=NOW, updated_at=NOW,
        )  # fmt: skip

    score(root.trace_id, 1, call.span_id)
    score(other.trace_id, 5)
    score(other.trace_id, 0, name="tone")
    assert annotation_rules.fill(now=NOW) == 0
    assert annotation_rules.fill(now=LATER) == 1
    item = queue.items.get()
    assert (bytes(item.trace_id), bytes(item.span_id or b""), item.reason) == (root.trace_id, call.span_id, "rating 1")
    low.refresh_from_db()
    assert low.seen_score == Score.objects.filter(name="rating").latest("pk").pk
    assert annotation_rules.fill(now=LATER) == 0


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"kind": "moon"}, "kind"),
        ({"kind": "sample"}, "amount"),
        ({"kind": "sample", "amount": 101}, "amount"),
        ({"kind": "every_nth", "amount": 2.5}, "amount"),
        ({"kind": "high_cost", "amount": 0}, "amount"),
        ({"kind": "low_score", "amount": 1}, "score_name"),
        ({"kind": "low_score", "amount": 1, "score_name": "a", "query": "q=refund"}, "query"),
        ({"kind": "errors", "query": "status=purple"}, "query"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_field(
    queue: AnnotationQueue, lead: User, spec: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as refusal:
        rule(queue, lead, **spec)
    assert refusal.value.field == field


def test_an_archived_queue_is_not_filled(sending: Sending, queue: AnnotationQueue, lead: User) -> None:
    rule(queue, lead, kind="errors")
    annotation_queues.archive(queue=queue, by=Caller(user=lead), now=NOW)
    sending.send([sending.span("a", ago=-10, error="x")])
    assert annotation_rules.fill(now=LATER) == 0


# Over the API and on pages


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
