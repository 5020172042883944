"""Annotation queues are filled by rules, off the hot path: nothing is looked at twice."""

from datetime import timedelta
from typing import Any

import pytest

from agents.authentication import Caller
from agents.models import Project, User
from metrics.annotating import RuleSpec, in_sample
from metrics.models import AnnotationQueue, Score
from metrics.scoring import Refused
from metrics.services import annotation_queues, annotation_rules
from tests.metrics.sending import NOW, Sending

LATER = NOW + timedelta(minutes=10)


def rule(queue: AnnotationQueue, lead: User, **spec: Any) -> Any:
    return annotation_queues.add_rule(queue=queue, spec=RuleSpec(**spec), by=Caller(user=lead), now=NOW)


def found(queue: AnnotationQueue) -> set[bytes]:
    return {bytes(item.trace_id) for item in queue.items.all()}


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
        ({"kind": "errors", "query": "range=7d&environmet=production"}, "query"),
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
