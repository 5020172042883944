"""The life of requests, walked at random by several people at once on the real database.

In each step several actors do something to the same request at the same moment, each in a thread and a connection of
its own. What they are told has to be explained by some order in which they came, one after the other.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.db import connections
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Scope
from reviews import states
from reviews.models import Approval, ApprovalEvent, Decision, FeedbackExample
from reviews.policy.plan import ReviewPlan, dump_plan
from reviews.services import expiry, settling
from reviews.services.decisions import Ruling, decide, withdraw
from reviews.services.information import post_message, request_info
from reviews.services.requests import ItemDraft, RequestDraft, cancel_request, create_request
from reviews.services.transitions import AlreadyDecided
from tests.reviews.conftest import NOON, make_key, make_person, make_project

RULINGS = {
    "approve": Ruling(verdict=states.Verdict.APPROVE),
    "edit": Ruling(verdict=states.Verdict.EDIT, arguments={"amount": 1}),
    "reject": Ruling(verdict=states.Verdict.REJECT, reason="no"),
    "respond": Ruling(verdict=states.Verdict.RESPOND, message="later"),
}
ENDS = {"approve": "approved", "edit": "approved", "reject": "rejected", "respond": "answered"}
PEOPLE = ("Ana", "Ben", "Cleo")
WAITING = {"pending", "info_requested"}
Act = tuple[str, ...]


@dataclass
class Model:
    """What a request must be, by the plain rules of ARCHITECTURE.md section 7 and nothing of the code's own."""

    expires_at: datetime
    needed: int
    undo: int
    votes: list[list[tuple[str, str]]]
    status: str = "pending"
    settles_at: datetime | None = None
    told: list[str] = field(default_factory=list)

    def act(self, act: Act, now: datetime) -> str:
        """Does one thing and returns what whoever did it is told."""
        self._clock(now)
        name, *rest = act
        return str(getattr(self, f"_{name}")(*rest, now))

    def _clock(self, now: datetime) -> None:
        if self.status in WAITING and self.settles_at is not None and self.settles_at <= now:
            self._close()

    def _late(self, now: datetime) -> bool:
        return self.status in WAITING and self.settles_at is None and self.expires_at <= now

    def _decide(self, who: str, verdict: str, item: str, now: datetime) -> str:
        if self._late(now):
            self.status = "expired"
        if self.status not in WAITING:
            return self.status
        if self.settles_at is not None:
            return self._sum()
        mine = self.votes[int(item)]
        if self._outcome(mine) is not None:
            return ENDS[str(self._outcome(mine))]
        if who in [name for name, _verdict in mine]:
            return self.status
        mine.append((who, verdict))
        if all(self._outcome(votes) is not None for votes in self.votes):
            self.settles_at = min(now + timedelta(seconds=self.undo), self.expires_at)
            if not self.undo:
                self._close()
        return "won"

    def _withdraw(self, who: str, now: datetime) -> str:
        if self.status not in WAITING or self._late(now):
            return "False"
        free = [votes for votes in self.votes if self.undo or self._outcome(votes) is None]
        mine = [(votes, vote) for votes in free for vote in votes if vote[0] == who]
        for votes, vote in mine:
            votes.remove(vote)
            self.settles_at = None
        return str(bool(mine))

    def _cancel(self, now: datetime) -> str:
        if self._late(now):
            return "expired"
        if self.status not in WAITING:
            return self.status
        self.status, self.settles_at = "cancelled", None
        return "won"

    def _ask(self, now: datetime) -> str:
        return self._say("info_requested", now)

    def _answer(self, now: datetime) -> str:
        return self._say("pending", now)

    def _say(self, status: str, now: datetime) -> str:
        if self._late(now):
            return "expired"
        if self.status not in WAITING or self.settles_at is not None:
            return self.status if self.status not in WAITING else self._sum()
        self.status = status
        return "won"

    def _sweep(self, now: datetime) -> str:
        if self._late(now):
            self.status = "expired"
        return "swept"

    def _close(self) -> None:
        self.status, self.settles_at = self._sum(), None

    def _sum(self) -> str:
        ends = {ENDS[str(self._outcome(votes))] for votes in self.votes}
        return ends.pop() if len(ends) == 1 else "mixed"

    def _outcome(self, votes: list[tuple[str, str]]) -> str | None:
        for place, (_who, verdict) in enumerate(votes):
            same = [other for _name, other in votes[: place + 1] if other == verdict]
            if verdict in {"reject", "respond"} or len(same) >= self.needed:
                return verdict
        return None


def copied(model: Model) -> Model:
    return replace(model, votes=[list(votes) for votes in model.votes])


class Lifecycle(RuleBasedStateMachine):
    """Requests of one project; `models` says what each must be by now."""

    project: ClassVar[Project]
    agent: ClassVar[Caller]
    people: ClassVar[dict[str, Caller]]
    requests: Bundle[Any] = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.models: dict[Any, Model] = {}

    @rule(
        target=requests,
        minutes=st.integers(1, 10),
        items=st.integers(1, 2),
        needed=st.integers(1, 2),
        undo=st.sampled_from([0, 0, 30]),
    )
    def ask(self, minutes: int, items: int, needed: int, undo: int) -> Any:
        self.project.undo_seconds = undo
        drafts = tuple(ItemDraft(action="pay", arguments={"amount": 5}) for _ in range(items))
        draft = RequestDraft(items=drafts, timeout=timedelta(minutes=minutes))
        approval = create_request(project=self.project, by=self.agent, draft=draft, now=self.now)
        approval.plan = dump_plan(ReviewPlan(approvals=needed))
        approval.save(update_fields=["plan"])
        self.models[approval.pk] = Model(approval.expires_at, needed, undo, [[] for _ in range(items)])
        return approval.pk

    @rule(seconds=st.integers(0, 200))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(key=requests, data=st.data())
    def several_act_at_once(self, key: Any, data: st.DataObject) -> None:
        items = len(self.models[key].votes)
        deciding = st.tuples(
            st.just("decide"),
            st.sampled_from(PEOPLE),
            st.sampled_from(sorted(RULINGS)),
            st.integers(0, items - 1).map(str),
        )
        others = st.sampled_from(
            [("cancel",), ("ask",), ("answer",), ("sweep",), *(("withdraw", who) for who in PEOPLE)]
        )
        acts: list[Act] = data.draw(st.lists(st.one_of(deciding, deciding, others), min_size=1, max_size=3))
        told = at_once([self.doing(key, act) for act in acts])
        for order in itertools.permutations(range(len(acts))):
            model = copied(self.models[key])
            expected = {place: model.act(acts[place], self.now) for place in order}
            if [expected[place] for place in range(len(acts))] == told and self.agrees(key, model):
                self.models[key] = model
                return
        raise AssertionError(f"no order of {acts} explains {told} and {Approval.objects.get(pk=key).status}")

    def doing(self, key: Any, act: Act) -> Callable[[], str]:
        """One act as a call of the services, which returns what the actor is told, in the model's words."""
        name, *rest = act
        approval, now = Approval.objects.get(pk=key), self.now
        ana = self.people["Ana"]
        if name == "decide":
            who, verdict, item = rest
            ruling = replace(RULINGS[verdict], item=int(item))
            return lambda: in_words(decide(approval=approval, by=self.people[who], ruling=ruling, now=now))
        return {
            "withdraw": lambda: str(withdraw(approval=approval, by=self.people[rest[0]], now=now)),
            "cancel": lambda: in_words(cancel_request(approval=approval, by=self.agent, now=now)),
            "ask": lambda: in_words(request_info(approval=approval, by=ana, text="?", now=now)),
            "answer": lambda: in_words(post_message(approval=approval, by=self.agent, text="!", now=now)),
            "sweep": lambda: swept(key, now),
        }[name]

    def agrees(self, key: Any, model: Model) -> bool:
        """Whether the row and the votes that stand are the model's."""
        row = Approval.objects.get(pk=key)
        votes = Decision.objects.standing().filter(approval=row).values_list("item__index", "reviewer_name", "verdict")
        found: list[list[tuple[str, str]]] = [[] for _ in model.votes]
        for index, name, verdict in votes:
            found[index].append((name, verdict))
        return (row.status, row.settles_at, found) == (model.status, model.settles_at, model.votes)

    @invariant()
    def everything_that_closed_left_one_example_of_each_item_and_one_line(self) -> None:
        closed = {key: len(model.votes) for key, model in self.models.items() if model.status not in WAITING}
        examples = FeedbackExample.objects.filter(approval_id__in=self.models, revision=1)
        assert sorted(examples.values_list("approval_id", flat=True)) == sorted(
            key for key, items in closed.items() for _ in range(items)
        )
        ends = ApprovalEvent.objects.filter(approval_id__in=self.models, kind__in=["decided", "cancelled", "expired"])
        assert sorted(ends.values_list("approval_id", flat=True)) == sorted(closed)


def in_words(result: Decision | AlreadyDecided | None) -> str:
    return result.status.value if isinstance(result, AlreadyDecided) else "won"


def swept(key: Any, now: datetime) -> str:
    settling.settle_all(keys=[key], now=now)
    expiry.expire_all(keys=[key], now=now)
    return "swept"


def at_once(calls: list[Callable[[], str]]) -> list[str]:
    """Runs the calls in threads that start together; what each returned, in order."""
    gate = threading.Barrier(len(calls))
    told: dict[int, str] = {}
    broken: list[BaseException] = []

    def run(place: int, call: Callable[[], str]) -> None:
        try:
            gate.wait(30)
            told[place] = call()
        except BaseException as error:  # shown by the test's own thread
            broken.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if broken:
        raise broken[0]
    return [told[place] for place in range(len(calls))]


@pytest.fixture
def actors(transactional_db: None) -> dict[str, Any]:
    project = make_project("shop")
    key, _secret = make_key(project, Scope.APPROVALS_REQUEST)
    people = {name: Caller(user=make_person(name, project, "reviewer")) for name in PEOPLE}
    return {"project": project, "agent": Caller(key=key), "people": people}


def test_whatever_several_people_do_at_once_is_explained_by_some_order(actors: dict[str, Any]) -> None:
    run_state_machine_as_test(
        type("Bound", (Lifecycle,), actors),
        settings=settings(
            max_examples=10,
            stateful_step_count=15,
            deadline=None,
            phases=(Phase.generate,),  # Threads do not come in the same order twice, so nothing can be replayed.
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
