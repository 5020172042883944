"""What people see of the queue and of one request."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import Project
from console.lib import clock
from metrics.models import Trace
from metrics.times import to_ns
from reviews.models import Approval
from reviews.services import flow
from reviews.services.decisions import Ruling, decide
from reviews.services.requests import ItemDraft, RequestDraft, create_request
from reviews.states import Verdict
from tests.reviews.conftest import draft, make_person

PASSWORD = "django.contrib.auth.backends.ModelBackend"

HOSTILE = '"><img src=x onerror=alert(1)>{{ 7|add:1 }}{% debug %}'


@pytest.fixture
def ask(project: Project, agent: Caller) -> Callable[..., Approval]:
    def create(**fields: Any) -> Approval:
        return create_request(project=project, by=agent, draft=draft(**fields), now=clock.now())

    return create


@pytest.fixture
def reviewer(client: Client, ana: Caller) -> Client:
    assert ana.user is not None
    client.force_login(ana.user, PASSWORD)
    return client


def text_of(response: Any) -> str:
    assert response.status_code == 200, response.content[:500]
    return str(response.content.decode())


def rows_in(page: str) -> list[str]:
    """The ids of the requests in the list, in order."""
    return re.findall(r'id="row-([0-9a-f-]{36})"', page)


def test_what_is_due_first_comes_first_and_is_open(ask: Callable[..., Approval], reviewer: Client) -> None:
    later = ask(action="later", timeout=timedelta(hours=2))
    soon = ask(action="soon", timeout=timedelta(minutes=10))
    page = text_of(reviewer.get("/p/shop/queue/"))
    assert rows_in(page) == [str(soon.pk), str(later.pk)]
    assert f'data-approval="{soon.pk}"' in page
    assert 'data-open="list"' in page


def test_a_request_has_a_page_of_its_own_with_the_list_beside_it(
    ask: Callable[..., Approval], reviewer: Client
) -> None:
    ask(action="other")
    wanted = ask(summary="Refund a broken machine")
    page = text_of(reviewer.get(f"/p/shop/queue/{wanted.pk}/"))
    assert len(rows_in(page)) == 2
    assert f'data-approval="{wanted.pk}"' in page
    assert re.search(rf'id="row-{wanted.pk}"[^>]*aria-current="true"', page)
    assert 'data-open="detail"' in page


def test_everything_a_reviewer_needs_is_there_in_order(ask: Callable[..., Approval], reviewer: Client) -> None:
    wanted = ask(
        summary="Refund a broken machine",
        description="It is **cracked**.",
        confidence=0.62,
        suggestion="approve",
        context={"messages": [{"role": "user", "content": "My machine is broken"}], "tier": "gold"},
    )
    page = text_of(reviewer.get(f"/p/shop/queue/{wanted.pk}/"))
    wanted_texts = [
        "Process refund", "Refund a broken machine", "12000", "<strong>cracked</strong>",
        "amount 12,000 is over 10,000",
        "62% confident", "every request is reviewed", "My machine is broken", "gold",
        "Nobody has decided on this action before", "Requested", 'id="approve"',
    ]  # fmt: skip
    places = [page.find(text) for text in wanted_texts]
    assert -1 not in places
    assert places == sorted(places)


def test_titles_of_the_schema_name_the_arguments(ask: Callable[..., Approval], reviewer: Client) -> None:
    schema = {"properties": {"amount": {"title": "Sum to pay back"}}}
    wanted = ask(arguments={"amount": 5}, arguments_schema=schema)
    assert "Sum to pay back" in text_of(reviewer.get(f"/p/shop/queue/{wanted.pk}/"))


def test_nothing_an_agent_sends_becomes_markup(ask: Callable[..., Approval], reviewer: Client) -> None:
    wanted = ask(
        action=HOSTILE, summary=HOSTILE, description=HOSTILE, agent=HOSTILE, session_id=HOSTILE, end_user=HOSTILE,
        tags=(HOSTILE,), arguments={HOSTILE: HOSTILE, "x": {HOSTILE: [HOSTILE]}},
        context={"messages": [{"role": HOSTILE, "content": HOSTILE}], HOSTILE: HOSTILE},
        arguments_schema={"properties": {HOSTILE: {"title": HOSTILE, "description": HOSTILE}}},
    )  # fmt: skip
    for address in ("queue/", f"queue/{wanted.pk}/", f"queue/{wanted.pk}/item/", "queue/list/", "queue/?status=all"):
        page = text_of(reviewer.get(f"/p/shop/{address}"))
        assert "<img src=x" not in page
        assert "onerror=alert(1)&gt;{{ 7|add:1 }}{% debug %}" in page


def test_addresses_that_an_agent_sends_are_no_links(ask: Callable[..., Approval], reviewer: Client) -> None:
    wanted = ask(description="[here](https://evil.example)", context={"page": "https://evil.example"})
    page = text_of(reviewer.get(f"/p/shop/queue/{wanted.pk}/"))
    assert "https://evil.example" in page
    assert not re.search(r'(href|src|action)="https://evil', page)


def test_filters_narrow_the_list_and_stay_in_every_address(ask: Callable[..., Approval], reviewer: Client) -> None:
    low = ask(arguments={"amount": 1}, agent="support")
    ask(arguments={"amount": 20_000, "irreversible": True}, agent="cleanup")
    page = text_of(reviewer.get("/p/shop/queue/?risk=low&agent=support"))
    assert rows_in(page) == [str(low.pk)]
    assert f"/p/shop/queue/{low.pk}/decision/?risk=low&amp;agent=support" in page
    assert rows_in(text_of(reviewer.get("/p/shop/queue/list/?action=nothing"))) == []


def test_filters_are_saved_as_views_and_lead_to_the_list_from_any_request(
    ask: Callable[..., Approval], reviewer: Client
) -> None:
    wanted = ask(agent="support")
    form = {"name": "Risky support", "page": "queue", "query": "risk=high&agent=support&action=&item=2&cursor=x"}
    assert reviewer.post("/p/shop/views/", form).headers["Location"] == "/p/shop/queue/?risk=high&agent=support"
    for address in ("queue/", f"queue/{wanted.pk}/"):
        page = text_of(reviewer.get(f"/p/shop/{address}"))
        assert 'href="/p/shop/queue/?risk=high&amp;agent=support">Risky support' in page
        assert '<input type="hidden" name="page" value="queue">' in page


def test_an_empty_queue_shows_how_to_ask(project: Project, reviewer: Client) -> None:
    page = text_of(reviewer.get("/p/shop/queue/"))
    assert "/api/v1/approvals" in page
    assert "approval_required" in page


def test_decided_requests_are_listed_apart(ask: Callable[..., Approval], reviewer: Client, ana: Caller) -> None:
    waiting, decided = ask(), ask()
    decide(approval=decided, by=ana, ruling=Ruling(verdict=Verdict.APPROVE), now=clock.now())
    assert rows_in(text_of(reviewer.get("/p/shop/queue/?status=decided"))) == [str(decided.pk)]
    assert rows_in(text_of(reviewer.get("/p/shop/queue/?status=all"))) == [str(decided.pk), str(waiting.pk)]


@pytest.mark.parametrize("status", ["waiting", "all", "decided"])
def test_pages_follow_each_other_without_gap_or_repeat(
    ask: Callable[..., Approval], reviewer: Client, ana: Caller, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reviews.views.listing.PAGE_ROWS", 2)
    asked = [ask() for _number in range(5)]
    if status == "decided":
        for one in asked:
            decide(approval=one, by=ana, ruling=Ruling(verdict=Verdict.APPROVE), now=clock.now())
    seen: list[str] = []
    address = f"/p/shop/queue/?status={status}"
    while address:
        page = text_of(reviewer.get(address))
        seen += rows_in(page)
        following = re.search(r'<a href="([^"]*cursor=[^"]*)"[^>]*rel="next"', page)
        address = following.group(1).replace("&amp;", "&") if following else ""
    assert sorted(seen) == sorted(str(one.pk) for one in asked)
    assert len(seen) == 5


def test_a_damaged_cursor_is_a_bad_request(project: Project, reviewer: Client) -> None:
    assert reviewer.get("/p/shop/queue/?cursor=nonsense").status_code == 400
    assert reviewer.get("/p/shop/queue/?status=all&cursor=WzFd").status_code == 400


@pytest.mark.parametrize("role", ["viewer", "operator", "auditor"])
def test_who_may_not_decide_sees_the_request_but_no_buttons(
    ask: Callable[..., Approval], project: Project, client: Client, role: str
) -> None:
    wanted = ask()
    client.force_login(make_person("Vera", project, role), PASSWORD)
    page = text_of(client.get(f"/p/shop/queue/{wanted.pk}/"))
    assert "decision-bar" not in page
    assert 'id="edit"' not in page


def test_strangers_find_nothing(ask: Callable[..., Approval], other_project: Project, client: Client) -> None:
    wanted = ask()
    client.force_login(make_person("Olga", other_project, "admin"), PASSWORD)
    for address in ("queue/", f"queue/{wanted.pk}/", f"queue/{wanted.pk}/item/"):
        assert client.get(f"/p/shop/{address}").status_code == 404
    assert client.get(f"/p/bank/queue/{wanted.pk}/").status_code == 404


def test_ones_own_request_says_why_there_are_no_buttons(project: Project, ana: Caller, reviewer: Client) -> None:
    own = create_request(project=project, by=ana, draft=draft(), now=clock.now())
    page = text_of(reviewer.get(f"/p/shop/queue/{own.pk}/"))
    assert "You made this request yourself" in page
    assert 'id="approve"' not in page


def test_only_allowed_verdicts_have_buttons(ask: Callable[..., Approval], reviewer: Client) -> None:
    wanted = ask(allowed_decisions=("approve", "reject"))
    page = text_of(reviewer.get(f"/p/shop/queue/{wanted.pk}/"))
    assert 'id="approve"' in page
    assert 'id="reject"' in page
    assert 'id="respond"' not in page
    assert 'id="open-edit"' not in page


def test_past_its_deadline_a_request_is_expired_before_the_sweeper_comes(
    request_one: Callable[..., Approval], reviewer: Client
) -> None:
    late = request_one()
    page = text_of(reviewer.get(f"/p/shop/queue/{late.pk}/"))
    assert "Nobody decided in time. This is not a rejection" in page
    assert "data-send" not in page
    assert 'id="approve"' not in page


def test_an_open_pane_is_told_who_was_faster(ask: Callable[..., Approval], ben: Caller, reviewer: Client) -> None:
    wanted = ask()
    decide(approval=wanted, by=ben, ruling=Ruling(verdict=Verdict.REJECT, reason="Too risky"), now=clock.now())
    answer = reviewer.get(f"/p/shop/queue/{wanted.pk}/item/?shown=pending", headers={"HX-Request": "true"})
    assert "Ben rejected process_refund" in answer.headers["HX-Trigger"]
    assert "Too risky" in text_of(answer)
    again = reviewer.get(f"/p/shop/queue/{wanted.pk}/item/?shown=rejected", headers={"HX-Request": "true"})
    assert "HX-Trigger" not in again.headers


def test_earlier_decisions_are_told_without_claiming_more_than_is_known(
    ask: Callable[..., Approval], ana: Caller, reviewer: Client
) -> None:
    for number in range(12):
        verdict = Verdict.REJECT if number == 0 else Verdict.APPROVE
        decide(approval=ask(), by=ana, ruling=Ruling(verdict=verdict, reason="Too risky"), now=clock.now())
        flow.count()
        if number == 1:
            assert "1 of 2 similar requests approved: too few" in text_of(reviewer.get(f"/p/shop/queue/{ask().pk}/"))
    page = text_of(reviewer.get(f"/p/shop/queue/{ask().pk}/"))
    assert "11 of 12 similar requests approved: 92% (95% interval 65 to 99%)" in page


def test_the_cost_of_the_trace_is_left_to_its_waterfall_and_that_of_the_session_told(
    project: Project, ask: Callable[..., Approval], reviewer: Client
) -> None:
    Trace.objects.create(
        project_id=project.pk, trace_id=bytes.fromhex("ab" * 16), root_name="run", status="ok", session_id="s",
        start_ns=1, end_ns=2, duration_ns=1, cost_nanos=2_500_000_000, updated_at=clock.now(),
    )  # fmt: skip
    wanted = ask(trace_id="ab" * 16, session_id="s")
    page = reviewer.get(f"/p/shop/queue/{wanted.pk}/").content.decode()
    assert "Cost of the session so far" in page
    assert page.count("$2.50") == 1
    assert f"/p/shop/traces/{'ab' * 16}/mini/" in page


def test_however_wide_the_arguments_the_page_stays_readable(ask: Callable[..., Approval], reviewer: Client) -> None:
    wanted = ask(arguments={f"k{number}": "" for number in range(22_000)}, context={str(n): n for n in range(1_000)})
    page = reviewer.get(f"/p/shop/queue/{wanted.pk}/").content.decode()
    assert "21700 more fields, see the JSON" in page
    assert "700 more fields," in page
    assert f'href="/api/v1/approvals/{wanted.pk}"' in page
    assert len(page) < 1_000_000


def test_the_number_of_queries_does_not_grow_with_the_queue(
    ask: Callable[..., Approval], ana: Caller, reviewer: Client
) -> None:
    def queries(address: str) -> int:
        reviewer.get(address)
        with CaptureQueriesContext(connection) as captured:
            text_of(reviewer.get(address))
        return len(captured)

    wanted = ask(session_id="s-1", trace_id="0" * 32)
    decide(approval=ask(session_id="s-1"), by=ana, ruling=Ruling(verdict=Verdict.APPROVE), now=clock.now())
    addresses = (f"/p/shop/queue/{wanted.pk}/", f"/p/shop/queue/{wanted.pk}/item/", "/p/shop/queue/list/?status=all")
    before = [queries(address) for address in addresses]
    for _number in range(10):
        ask(session_id="s-1")
        decide(approval=ask(session_id="s-1"), by=ana, ruling=Ruling(verdict=Verdict.APPROVE), now=clock.now())
    assert [queries(address) for address in addresses] == before


def test_the_tile_counts_what_waits(ask: Callable[..., Approval], reviewer: Client) -> None:
    assert "nothing waits" in text_of(reviewer.get("/p/shop/queue/tile/"))
    ask()
    assert "oldest asked" in text_of(reviewer.get("/p/shop/queue/tile/"))


def test_a_trace_shows_its_own_requests_only(ask: Callable[..., Approval], reviewer: Client) -> None:
    mine = ask(trace_id="a" * 32)
    ask(trace_id="b" * 32)
    page = text_of(reviewer.get(f"/p/shop/queue/of-trace/?trace_id={'A' * 32}"))
    assert re.findall(r"/queue/([0-9a-f-]{36})/", page) == [str(mine.pk)]
    assert text_of(reviewer.get("/p/shop/queue/of-trace/?trace_id=nonsense")).strip() == ""


def test_requests_are_pinned_at_their_time_on_the_axis_of_their_own_trace(
    ask: Callable[..., Approval], reviewer: Client
) -> None:
    mine = ask(trace_id="a" * 32)
    ask(trace_id="b" * 32)
    asked = to_ns(mine.requested_at)
    axis = f"start={asked - 25 * 10**9}&length={100 * 10**9}"
    page = text_of(reviewer.get(f"/p/shop/queue/pins/?trace_id={'A' * 32}&{axis}"))
    assert re.findall(r"/queue/([0-9a-f-]{36})/", page) == [str(mine.pk)]
    assert 'cx="25.000%"' in page
    late = text_of(reviewer.get(f"/p/shop/queue/pins/?trace_id={'a' * 32}&start=1&length=1"))
    assert 'cx="100.000%"' in late
    mine_at = f"trace_id={'a' * 32}"
    for query in ("trace_id=nonsense&start=1&length=1", f"{mine_at}&start=x&length=1", mine_at):
        assert text_of(reviewer.get(f"/p/shop/queue/pins/?{query}")).strip() == ""


def test_pins_of_other_projects_are_not_shown(ask: Callable[..., Approval], reviewer: Client, ana: Caller) -> None:
    foreign = ask(trace_id="a" * 32)
    Approval.objects.filter(pk=foreign.pk).update(project=Project.objects.create(slug="elsewhere", name="Elsewhere"))
    assert text_of(reviewer.get(f"/p/shop/queue/pins/?trace_id={'a' * 32}&start=1&length=1")).strip() == ""
    assert reviewer.get(f"/p/elsewhere/queue/pins/?trace_id={'a' * 32}&start=1&length=1").status_code == 404


def test_more_than_anybody_counts_is_said_in_the_same_way_everywhere(
    ask: Callable[..., Approval], reviewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reviews.selectors.queue.COUNTED", 2)
    for _ in range(3):
        ask()
    assert "2 or more requests wait" in text_of(reviewer.get("/p/shop/queue/list/"))
    assert "2+" in text_of(reviewer.get("/p/shop/queue/tile/"))


def test_a_batch_says_in_the_list_how_many_actions_of_which_kinds_it_has(
    project: Project, agent: Caller, ask: Callable[..., Approval], reviewer: Client
) -> None:
    names = ["send_mail", "refund", "send_mail", "a", "b\u202e", "c"]
    items = tuple(ItemDraft(action=name, arguments={}) for name in names)
    made = create_request(
        project=project, by=agent, draft=RequestDraft(items=items, timeout=timedelta(minutes=5)), now=clock.now()
    )
    single = ask(summary="Pay \u2066now")
    page = text_of(reviewer.get("/p/shop/queue/list/"))
    row = page[page.index(f'id="row-{made.pk}"') :].split("</a>")[0]
    assert "6 actions" in row
    assert "send_mail \u00d72, refund, a, b⟨U+202E⟩, …" in row
    alone = page[page.index(f'id="row-{single.pk}"') :].split("</a>")[0]
    assert "process_refund" in alone
    assert "Pay ⟨U+2066⟩now" in alone
