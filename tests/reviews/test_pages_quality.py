"""The pages of the quality of labels: the report, the second look, seeds, and what is drawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import Project, User
from console.lib import clock
from reviews.models import (
    Approval,
    FeedbackSettings,
    QualitySettings,
    RatedItem,
    ReasonLabel,
    Rereview,
    RereviewAnswer,
)
from reviews.selectors.quality import Window
from reviews.selectors.rereview import rereview_of
from reviews.serializers.feedback import pseudonym
from reviews.services import flow, seeds
from reviews.services.decisions import Ruling, decide
from reviews.services.information import request_info
from reviews.services.requests import create_request
from reviews.services.rereview import Judgement, answer, take
from reviews.states import Verdict
from tests.reviews.conftest import draft, make_person

PASSWORD = "django.contrib.auth.backends.ModelBackend"
LIST = "/p/shop/feedback/quality/review/"
REPORT = "/p/shop/feedback/quality/"
HOSTILE = '"><img src=x onerror=alert(1)>'


def client_of(user: User | None) -> Client:
    assert user is not None
    client = Client()
    client.force_login(user, PASSWORD)
    return client


def text_of(response: Any, status: int = 200) -> str:
    assert response.status_code == status, response.content[:500]
    return str(response.content.decode())


@pytest.fixture
def cleo(project: Project) -> Caller:
    return Caller(user=make_person("Cleo", project, "lead"))


@pytest.fixture
def lead(cleo: Caller) -> Client:
    return client_of(cleo.user)


@pytest.fixture
def decided(project: Project, agent: Caller, ana: Caller) -> Callable[..., Approval]:
    """A request that Ana has decided, drawn for a second look."""
    QualitySettings.objects.create(project=project, share=1.0)

    def make(verdict: str = "reject", *, reason: str = "Far too expensive", **fields: Any) -> Approval:
        approval = create_request(project=project, by=agent, draft=draft(**fields), now=clock.now())
        decide(approval=approval, by=ana, ruling=Ruling(verdict=Verdict(verdict), reason=reason), now=clock.now())
        while flow.count():
            pass
        return approval

    return make


def main_of(response: Any) -> str:
    """What is in the middle of a page."""
    page = text_of(response)
    return page[page.index("<main") :]


def begin(client: Client) -> str:
    """Takes the next one, and the address of its page."""
    taken = client.post(LIST)
    assert taken.status_code == 302
    return str(taken.headers["Location"])


def test_the_second_look_shows_what_was_asked_and_nothing_of_what_became_of_it(
    decided: Callable[..., Approval], project: Project, agent: Caller, ana: Caller, ben: Caller
) -> None:
    earlier = decided("approve", reason="", session_id="s-1", action="note")
    decided(
        summary="Refund for A-17", context={"messages": [{"role": "user", "content": "It broke"}], "tier": "gold"},
        session_id="s-1", trace_id="a" * 32,
    )  # fmt: skip
    Rereview.objects.filter(item__approval=earlier).update(closed_at=clock.now())
    client = client_of(ben.user)
    page = main_of(client.get(begin(client)))
    for shown in ("Refund for A-17", "12000", "It broke", "gold"):
        assert shown in page
    for hidden in ("Far too expensive", "Ana", "Rejected", "Timeline", "a" * 32, "s-1", "decided before"):
        assert hidden not in page, hidden


def test_words_with_the_agent_from_before_the_verdict_are_shown_without_names(
    project: Project, agent: Caller, ana: Caller, ben: Caller
) -> None:
    QualitySettings.objects.create(project=project, share=1.0)
    approval = create_request(project=project, by=agent, draft=draft(), now=clock.now())
    request_info(approval=approval, by=ana, text="Is it in stock?", now=clock.now())
    approval.refresh_from_db()
    decide(approval=approval, by=ana, ruling=Ruling(verdict=Verdict.APPROVE), now=clock.now())
    flow.count()
    client = client_of(ben.user)
    page = main_of(client.get(begin(client)))
    assert "Is it in stock?" in page
    assert "Ana" not in page


def test_what_an_agent_sent_is_text(decided: Callable[..., Approval], ben: Caller) -> None:
    decided(summary=HOSTILE, arguments={"note": HOSTILE}, context={"messages": [{"role": "user", "content": HOSTILE}]})
    client = client_of(ben.user)
    assert "<img src=x" not in text_of(client.get(begin(client)))


def test_an_answer_is_kept_and_the_next_one_opens_until_none_is_left(
    decided: Callable[..., Approval], project: Project, ben: Caller
) -> None:
    ReasonLabel.objects.create(project=project, name="Wrong amount", position=0)
    made = [decided() for _ in range(2)]
    client = client_of(ben.user)
    assert "2 wait." in text_of(client.get(LIST))
    first = begin(client)
    sent = client.post(first, {"verdict": "approve", "labels": ["Wrong amount"], "note": "fine"})
    second = sent.headers["Location"]
    assert second not in {first, LIST}
    assert client.post(second, {"verdict": "reject"}).headers["Location"] == LIST
    assert "Nothing waits for your second look" in text_of(client.get(LIST))
    given = RereviewAnswer.objects.order_by("answered_at").values_list("verdict", "labels", "note", "agrees")
    assert list(given) == [("approve", ["Wrong amount"], "fine", False), ("reject", [], "", True)]
    assert {approval.status for approval in Approval.objects.filter(pk__in=[one.pk for one in made])} == {"rejected"}
    assert RatedItem.objects.count() == 2


def test_a_verdict_is_needed_and_one_can_pass_by(decided: Callable[..., Approval], ben: Caller) -> None:
    decided()
    client = client_of(ben.user)
    address = begin(client)
    assert "This field is required" in text_of(client.post(address, {"note": "hm"}), 422)
    assert client.post(address, {"do": "skip"}).headers["Location"] == LIST
    assert RereviewAnswer.objects.get().status == "skipped"


def test_nobody_opens_what_they_have_not_taken(
    decided: Callable[..., Approval], ana: Caller, ben: Caller, lead: Client
) -> None:
    decided()
    client = client_of(ben.user)
    address = begin(client)
    assert lead.get(address).status_code == 404
    assert client_of(ana.user).get(address).status_code == 404
    client.post(address, {"verdict": "approve"})
    assert client.get(address).status_code == 404
    late = client.post(address, {"verdict": "reject"}, follow=True)
    assert "not yours any more" in text_of(late)
    assert RereviewAnswer.objects.get().verdict == "approve"


def test_another_projects_second_looks_are_not_there(
    decided: Callable[..., Approval], other_project: Project, ben: Caller
) -> None:
    decided()
    client = client_of(ben.user)
    found = begin(client).split("/")[-2]
    stranger = client_of(make_person("Zoe", other_project, "admin"))
    assert stranger.get(f"/p/bank/feedback/quality/review/{found}/").status_code == 404
    assert stranger.post(f"/p/bank/feedback/quality/seeds/{found}/retire/").status_code == 404


def test_seeds_look_like_all_the_others(
    decided: Callable[..., Approval], project: Project, cleo: Caller, ben: Caller
) -> None:
    """The pages of a seed and of one drawn by chance differ in nothing but ids."""
    for seeded in (False, True):
        approval = decided()
        if seeded:
            plant(approval, cleo)
    client = client_of(ben.user)
    pages = []
    for row in Rereview.objects.order_by("kind"):
        RereviewAnswer.objects.update_or_create(
            rereview=row, reviewer=ben.user, project=project, kind=row.kind,
            defaults={"status": "held", "leased_until": clock.now()},
        )  # fmt: skip
        page = text_of(client.get(f"{LIST}{row.pk}/"))
        pages.append(re.sub(r'nonce="[^"]*"|value="[A-Za-z0-9]{64}"|[0-9a-f]{8}(-[0-9a-f]{4,12}){4}', "", page))
    lines = zip(pages[0].splitlines(), pages[1].splitlines(), strict=True)
    assert [pair for pair in lines if pair[0] != pair[1]] == []


def plant(approval: Approval, by: Caller, known: str = "reject") -> Rereview:
    item = approval.items.select_related("approval__project").get()
    told = seeds.SeedDraft(known=known, explanation="Above the limit.")
    return seeds.plant(item=item, by=by, draft=told, now=clock.now())


def test_a_lead_plants_a_seed_from_an_example_and_retires_it(
    decided: Callable[..., Approval], project: Project, ben: Caller, lead: Client
) -> None:
    approval = decided()
    QualitySettings.objects.all().delete()
    address = f"{REPORT}seeds/new/{approval.pk}/0/"
    assert address in text_of(lead.get(f"/p/shop/feedback/{approval.pk}/0/"))
    assert "The right answer" in text_of(lead.get(address))
    assert "This field is required" in text_of(lead.post(address, {"known": "reject"}), 422)
    assert lead.post(address, {"known": "reject", "explanation": "Above the limit."}).status_code == 302
    seed = Rereview.objects.get()
    assert (seed.kind, seed.known) == ("seed", "reject")
    client = client_of(ben.user)
    client.post(begin(client), {"verdict": "approve"})
    assert "Above the limit." not in text_of(client.get(LIST))
    page = text_of(lead.get(f"{REPORT}seeds/"))
    assert "0 of 1" in page
    assert lead.post(f"{REPORT}seeds/{seed.pk}/retire/").status_code == 302
    assert "Above the limit." in text_of(client.get(LIST))
    assert "No seeds yet" in text_of(lead.get(f"{REPORT}seeds/"))
    assert "Ask again" in text_of(lead.get(f"{REPORT}seeds/?retired=1"))


def test_a_waiting_request_is_no_seed(project: Project, agent: Caller, lead: Client) -> None:
    approval = create_request(project=project, by=agent, draft=draft(), now=clock.now())
    sent = lead.post(f"{REPORT}seeds/new/{approval.pk}/0/", {"known": "reject", "explanation": "so"})
    assert "still waits" in text_of(sent, 422)


def test_what_is_drawn_is_chosen_by_a_lead(project: Project, lead: Client) -> None:
    address = f"{REPORT}settings/"
    assert "Everybody who may decide" in text_of(lead.get(address))
    assert lead.post(address, {"percent": "2.5", "wanted": "2", "team": ""}).headers["Location"] == REPORT
    chosen = QualitySettings.objects.get()
    assert (chosen.share, chosen.wanted, chosen.team) == (0.025, 2, None)
    assert "less than or equal to 100" in text_of(lead.post(address, {"percent": "101", "wanted": "1"}), 422)


def test_an_empty_report_leads_to_what_is_drawn(project: Project, lead: Client, ben: Caller) -> None:
    assert f"{REPORT}settings/" in text_of(lead.get(REPORT))
    assert f"{REPORT}settings/" not in text_of(client_of(ben.user).get(REPORT))


@pytest.fixture
def judged(decided: Callable[..., Approval], project: Project, ben: Caller, cleo: Caller) -> None:
    """Twelve decisions that Ben has judged once more, half of them as Ana had, and a seed that he got wrong."""
    for number in range(12):
        decided("reject" if number % 2 else "approve")
    plant(decided(), cleo)
    for _ in range(13):
        taken = take(project=project, by=ben, now=clock.now())
        assert taken is not None
        row = rereview_of(project, taken.rereview_id)
        assert row is not None
        answer(rereview=row, by=ben, judgement=Judgement(verdict="approve"), now=clock.now())


def test_the_report_shows_agreement_pairs_and_people_under_their_pseudonyms(
    judged: None, project: Project, ana: Caller, ben: Caller, lead: Client
) -> None:
    page = main_of(lead.get(REPORT))
    assert ana.user is not None
    for shown in ("of 12 actions", "process_refund", pseudonym(project.pk, ana.user.pk)[:8], "50%", "0%"):
        assert shown in page
    assert "Ana" not in page
    FeedbackSettings.objects.create(project=project, reviewer_names=True)
    assert "Ana" in main_of(lead.get(REPORT))
    votes = text_of(lead.get(f"{REPORT}?source=votes"))
    assert "Nothing was judged by several people in this way." in votes


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo"])
def test_the_first_week_is_named_by_its_monday_in_every_zone(
    zone: str, judged: None, cleo: Caller, lead: Client
) -> None:
    User.objects.filter(pk=cleo.user.pk).update(time_zone=zone)  # type: ignore[union-attr]
    monday = Window.at(clock.now()).start
    assert f"from {monday.day} {monday:%b %Y} (UTC)" in text_of(lead.get(REPORT))


def test_a_reviewer_sees_their_own_figures_and_no_seeds(
    judged: None, project: Project, ana: Caller, ben: Caller
) -> None:
    assert ana.user is not None
    assert ben.user is not None
    page = text_of(client_of(ben.user).get(REPORT))
    rows = page[page.index('id="reviewers"') :]
    assert pseudonym(project.pk, ben.user.pk)[:8] in rows
    assert pseudonym(project.pk, ana.user.pk)[:8] not in rows
    assert "Seeds answered right" not in page


def test_the_report_takes_as_many_queries_for_many_as_for_few(
    judged: None, decided: Callable[..., Approval], lead: Client
) -> None:
    lead.get(REPORT)
    with CaptureQueriesContext(connection) as few:
        lead.get(REPORT)
    for _ in range(10):
        decided()
    with CaptureQueriesContext(connection) as many:
        lead.get(REPORT)
    assert len(few) == len(many)


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("viewer", REPORT, 403),
        ("auditor", REPORT, 200),
        ("auditor", LIST, 403),
        ("reviewer", f"{REPORT}seeds/", 403),
        ("reviewer", f"{REPORT}settings/", 403),
    ],
)
def test_each_role_opens_what_is_for_it(project: Project, role: str, path: str, status: int) -> None:
    assert client_of(make_person("Vera", project, role)).get(path).status_code == status
