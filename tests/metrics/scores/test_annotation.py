"""Annotation queues are worked by people one item after the other, never by two at once."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from agents.authentication import Caller
from agents.models import AuditEvent, Membership, Project, Team, TeamMember, User
from metrics.annotating import Target
from metrics.models import AnnotationItem, AnnotationQueue, AnnotationReview, Score, ScoreConfig
from metrics.scoring import Draft, Refused
from metrics.services import annotation_queues, annotation_work
from metrics.services.annotation_queues import QueueSpec
from metrics.services.annotation_work import AlreadyDone, Held, NotAsked, Taken
from tests.metrics.sending import NOW
from tests.waiting import eventually

TRACES = [bytes([number]) * 16 for number in range(1, 10)]
Person = Callable[..., User]


def fill(queue: AnnotationQueue, lead: User, traces: list[bytes]) -> None:
    targets = [Target(trace) for trace in traces]
    annotation_queues.add(queue=queue, targets=targets, by=Caller(user=lead), now=NOW)


def draft(item: AnnotationItem, value: float = 4) -> list[Draft]:
    return [Draft(trace_id=bytes(item.trace_id), name="rating", value=value)]


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


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
        return cursor.fetchone() is not None


@pytest.mark.django_db(transaction=True)
def test_a_person_who_sends_twice_at_once_counts_once(
    queue: AnnotationQueue, lead: User, person: Person, rating: ScoreConfig
) -> None:
    spec = QueueSpec("Look again", [rating], reviewers=2)
    queue = annotation_queues.change(queue=queue, spec=spec, by=Caller(user=lead), now=NOW)
    fill(queue, lead, TRACES[:1])
    ana = person("Ana")
    item = annotation_work.take_next(queue=queue, by=ana, now=NOW)
    assert item
    found: list[object] = []

    def send_again() -> None:
        try:
            found.append(annotation_work.submit(item=item, drafts=draft(item), by=ana, now=NOW))
        finally:
            connection.close()

    again = threading.Thread(target=send_again)
    with transaction.atomic():
        assert isinstance(annotation_work.submit(item=item, drafts=draft(item), by=ana, now=NOW), Taken)
        again.start()
        eventually(_somebody_waits)
    again.join()
    assert [type(one) for one in found] == [AlreadyDone]
    assert (queue.items.get().done_count, queue.items.get().state) == (1, "waiting")


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
