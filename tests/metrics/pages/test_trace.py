"""The trace page: what its rows carry as data, what is folded away, which step takes longest, and scores on it."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import AuditEvent, Membership, Project, User
from metrics.ingest.rows import RawEvent, RawSpan
from metrics.models import Score, Span, Trace
from metrics.selectors import details
from metrics.selectors.spans import Head, tree
from metrics.views.rows import MOST_DRAWN
from metrics.views.trace import _priced
from tests.metrics.sending import NOW, Sending

URL = "/p/fleet/traces/"
HOSTILE = "</script><script>alert(1)</script>"


def data_of(html: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="waterfall-data">(.*?)</script>', html, re.DOTALL)
    found: dict[str, Any] = json.loads(text)
    return found


def url_of(span: RawSpan) -> str:
    return f"{URL}{span.trace_id.hex()}/"


@pytest.fixture
def rita(project: Project) -> User:
    person = User.objects.create_user("rita@example.org", name="Rita")
    Membership.objects.create(user=person, project=project, role="reviewer")
    return person


@pytest.fixture
def reviewer(rita: User, browser_of: Callable[[User], Client]) -> Client:
    return browser_of(rita)


def test_all_rows_come_as_data_and_only_the_first_as_elements(page: Client, sending: Sending) -> None:
    root = sending.agent(seconds=50)
    sending.send([root, *(sending.call(root, ago=59, seconds=0.1) for _ in range(MOST_DRAWN + 20))])
    html = page.get(url_of(root)).content.decode()
    data = data_of(html)
    assert len(data["rows"]) == MOST_DRAWN + 21
    assert [data["rows"][0][0], data["rows"][0][1]] == [root.span_id.hex(), 0]
    assert data["names"] == ["invoke_agent helper", "chat gpt-4o-mini"]
    assert len(re.findall(r'id="s-[0-9a-f]{16}"', html)) == MOST_DRAWN
    assert "Without scripts 21 more spans are not shown" in html


def test_what_an_agent_calls_its_spans_cannot_end_the_data(page: Client, sending: Sending) -> None:
    root = sending.span(HOSTILE, error=HOSTILE)
    sending.send([root])
    html = page.get(url_of(root)).content.decode()
    assert HOSTILE not in html
    assert data_of(html)["names"] == [HOSTILE]


def heads(*rows: tuple[str, str, bool]) -> list[Head]:
    return [
        Head(name, parent, index, 10, name, "other", "ok", "", noise)
        for index, (name, parent, noise) in enumerate(rows)
    ]


def test_what_is_below_noise_hangs_from_what_is_above_it() -> None:
    given = heads(("root", "", False), ("http", "root", True), ("tcp", "http", True), ("server", "tcp", False))
    folded = tree(given, noise=False)
    assert [(line.span.name, line.row.depth) for line in folded.lines] == [("root", 0), ("server", 1)]
    assert folded.folded == 2
    assert len(tree(given).lines) == 4


def test_a_trace_of_noise_alone_is_shown_and_circles_of_noise_are_cut() -> None:
    assert len(tree(heads(("http", "", True)), noise=False).lines) == 1
    circle = heads(("a", "b", True), ("b", "a", True), ("below", "a", False))
    assert [line.span.name for line in tree(circle, noise=False).lines] == ["below"]


def test_noise_is_folded_away_until_the_address_asks_for_it(page: Client, sending: Sending) -> None:
    root = sending.agent()
    call = sending.call(root)
    post = sending.span("POST", trace=root.trace_id, parent=call.span_id)
    sending.send([root, call, post])
    Span.objects.filter(name="POST").update(noise=True)
    html = page.get(url_of(root)).content.decode()
    assert "Show 1 HTTP span" in html
    assert "POST" not in data_of(html)["names"]
    shown = page.get(f"{url_of(root)}?noise=1").content.decode()
    assert "Hide 1 HTTP span" in shown
    assert "POST" in data_of(shown)["names"]
    assert "seen=" in shown
    assert "&amp;noise=1" in shown  # a live refresh asks for the same
    assert "POST" in data_of(page.get(f"{url_of(root)}?span={post.span_id.hex()}").content.decode())["names"]


def test_the_step_that_takes_longest_comes_first_with_its_share_of_the_critical_path(
    page: Client, sending: Sending
) -> None:
    root = sending.agent(seconds=10)
    sending.send([root, sending.call(root, seconds=8), sending.span("tidy", trace=root.trace_id, parent=root.span_id)])
    html = page.get(url_of(root)).content.decode()
    table = html[html.index('id="slowest"') :]
    assert re.findall(r'<span class="truncate">([^<]+)</span>', table)[0] == "chat gpt-4o-mini"
    assert "80%" in table


def test_a_span_whose_parent_is_missing_is_said_to_be_one(page: Client, sending: Sending) -> None:
    root = sending.agent()
    sending.send([root, sending.span("late", trace=root.trace_id, parent=b"absent!!")])
    html = page.get(url_of(root)).content.decode()
    assert "1 span names a parent that has not arrived" in html
    assert "parent missing" in html


def test_the_panel_says_how_a_cost_came_about(page: Client, sending: Sending) -> None:
    root = sending.agent()
    call = sending.call(root, attributes={"gen_ai.usage.cost": 0.5, "gen_ai.usage.cache_read.input_tokens": 400})
    unknown = sending.call(root, model="nobody-knows-it")
    sending.send([root, call, unknown])

    def panel(span: RawSpan) -> str:
        return page.get(f"{url_of(root)}spans/{span.span_id.hex()}/").content.decode()

    html = panel(call)
    assert "computed from tokens" in html
    assert "$0.5000" in html
    assert "yes, in the totals of the trace" in html
    cells = re.findall(r'<td class="num">([^<]+?)</td>', html[html.index('class="prices"') :])
    assert cells == ["600", "0.15", "$0.00009", "400", "0.075", "$0.00003", "100", "0.6", "$0.00006"]
    assert "the price list does not have this model" in panel(unknown)
    assert 'class="prices"' not in panel(unknown)


@pytest.mark.parametrize(
    ("model", "tokens", "more", "rows"),
    [
        ("gemini-2.5-pro", (300_000, 1_000), {}, [("300,000", "2.5", 750_000_000), ("1,000", "15", 15_000_000)]),
        (
            "gpt-4o-mini",
            (1_000, 0),
            {"gen_ai.usage.cache_creation.input_tokens": 900},
            [("100", "0.15", 15_000), ("900", "0.15", 135_000)],
        ),
        (
            "gpt-audio",
            (1_000, 100),
            {"gen_ai.usage.audio.input_tokens": 900, "gen_ai.usage.audio.output_tokens": 100},
            [("100", "2.5", 250_000), ("900", "32", 28_800_000), ("100", "64", 6_400_000)],
        ),
        (
            "sonar",
            (1_000, 0),
            {"gen_ai.provider.name": "perplexity"},
            [("1,000", "1", 10**6), ("1", "0.012", 12 * 10**6)],
        ),
        (
            "claude-opus-4-1",
            (1_000, 7),
            {"gen_ai.provider.name": "anthropic", "gen_ai.usage.cache_read.input_tokens": 333},
            [("667", "15", 10_005_000), ("333", "1.5", 499_500), ("7", "75", 525_000)],
        ),
    ],
)
def test_the_rows_of_a_price_sum_to_the_cost(
    sending: Sending,
    model: str,
    tokens: tuple[int, int],
    more: dict[str, Any],
    rows: list[tuple[str, str, int]],
) -> None:
    call = sending.call(model=model, tokens=tokens, attributes=more)
    sending.send([call])
    stored = Span.objects.get()
    trace = Trace.objects.get()
    lines = _priced(stored, details.of_span(trace, stored))
    assert [(f"{line.tokens:,}", line.rate_text, line.nanos) for line in lines] == rows
    assert sum(line.nanos or 0 for line in lines) == stored.cost_nanos


def test_what_a_cost_leaves_out_is_said_beside_it(page: Client, sending: Sending) -> None:
    call = sending.call(model="gpt-4o-audio-preview", attributes={"gen_ai.usage.audio.input_tokens": 900})
    sending.send([call])
    html = page.get(f"{url_of(call)}spans/{call.span_id.hex()}/").content.decode()
    assert "≥ $0.00125" in html
    assert "the price list does not say what audio costs" in html
    assert re.findall(r'<td class="num">([^<]+?)</td>', html[html.index('class="prices"') :])[3:6] == [
        "900", "unknown", "unpriced",
    ]  # fmt: skip
    assert "≥ $0.00125" in page.get(url_of(call)).content.decode(), "nor does the total of the trace hide it"


def test_a_model_priced_by_the_name_that_was_asked_for_shows_its_rows(page: Client, sending: Sending) -> None:
    call = sending.call(model="gpt-4o", attributes={"gen_ai.response.model": "ours-behind-the-router"})
    sending.send([call])
    html = page.get(f"{url_of(call)}spans/{call.span_id.hex()}/").content.decode()
    assert 'class="prices"' in html


def test_the_panel_says_whose_agent_a_span_is_and_what_does_not_count(page: Client, sending: Sending) -> None:
    usage = {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100}
    root = sending.agent(attributes=usage)
    call = sending.call(root)
    sending.send([root, call])
    of_call = page.get(f"{url_of(root)}spans/{call.span_id.hex()}/").content.decode()
    assert "from the span above" in of_call
    of_root = page.get(f"{url_of(root)}spans/{root.span_id.hex()}/").content.decode()
    assert "no: spans below report the same usage" in of_root
    assert "from the span above" not in of_root


def test_a_reviewer_scores_a_trace_corrects_it_and_takes_it_back(reviewer: Client, sending: Sending) -> None:
    root = sending.agent()
    sending.send([root])
    url = f"{url_of(root)}scores/"
    assert "Add a score" in reviewer.get(url_of(root)).content.decode()
    html = reviewer.post(url, {"name": "quality", "value": "0.5", "comment": "<b>so</b>"}).content.decode()
    assert "&lt;b&gt;so" in html
    score = Score.objects.get()
    assert (score.span_id, score.value, score.source, score.author) == (None, 0.5, "human", "Rita")
    form = reviewer.get(f"{url}{score.pk}/").content.decode()
    assert 'value="0.5"' in form
    assert '<option value="quality">' in form
    reviewer.post(f"{url}{score.pk}/", {"name": "quality", "label": "good"})
    score.refresh_from_db()
    assert (score.value, score.label, score.comment) == (None, "good", "")
    assert "Add a score" in reviewer.post(f"{url}{score.pk}/remove/").content.decode()
    assert not Score.objects.exists()
    acts = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert acts == ["score.create", "score.change", "score.remove"]


def test_a_score_of_a_span_is_shown_with_the_span_only(reviewer: Client, sending: Sending) -> None:
    root = sending.agent()
    call = sending.call(root)
    sending.send([root, call])
    reviewer.post(f"{url_of(root)}scores/", {"span": call.span_id.hex(), "name": "grounded", "label": "yes"})
    assert bytes(Score.objects.get().span_id or b"") == call.span_id
    assert "grounded" in reviewer.get(f"{url_of(root)}spans/{call.span_id.hex()}/").content.decode()
    assert "grounded" in reviewer.get(f"{url_of(root)}scores/?span={call.span_id.hex()}").content.decode()
    whole = reviewer.get(f"{url_of(root)}scores/").content.decode()
    assert "score-said" not in whole
    assert "1 score of its spans" in whole
    assert f'href="?span={call.span_id.hex()}"' in whole


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": "", "value": "1"}, "This field is required"),
        ({"name": "n"}, "Give a number or a label"),
        ({"name": "n", "value": "much"}, "Enter a number"),
        ({"name": "n", "value": "inf"}, "Enter a number"),
        ({"name": "n" * 121, "value": "1"}, "at most 120 characters"),
    ],
)
def test_a_score_that_is_refused_stays_in_the_form(
    reviewer: Client, sending: Sending, form: dict[str, str], words: str
) -> None:
    root = sending.agent()
    sending.send([root])
    answer = reviewer.post(f"{url_of(root)}scores/", form)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Score.objects.exists()


def test_what_a_role_may_not_do_is_absent_and_others_scores_cannot_be_changed(
    page: Client, reviewer: Client, project: Project, sending: Sending, browser_of: Callable[[User], Client]
) -> None:
    root = sending.agent()
    sending.send([root])
    reviewer.post(f"{url_of(root)}scores/", {"name": "quality", "value": "1"})
    url = f"{url_of(root)}scores/{Score.objects.get().pk}/"
    html = page.get(url_of(root)).content.decode()
    assert "quality" in html
    assert "Add a score" not in html
    assert page.post(f"{url_of(root)}scores/", {"name": "n", "value": "1"}).status_code == 403
    other = User.objects.create_user("paul@example.org", name="Paul")
    Membership.objects.create(user=other, project=project, role="lead")
    paul = browser_of(other)
    assert "score-remove" not in paul.get(url_of(root)).content.decode()
    assert [paul.get(url).status_code, paul.post(url, {"name": "x", "value": "2"}).status_code] == [404, 404]
    assert paul.post(f"{url}remove/").status_code == 404
    assert Score.objects.get().value == 1


def test_scores_of_traces_of_other_projects_do_not_exist(
    reviewer: Client, rita: User, other_project: Project, sending: Sending
) -> None:
    mine, theirs = sending.agent(), Sending(other_project)
    sending.send([mine])
    root = theirs.agent(trace=b"another trace id")
    theirs.send([root])
    foreign = Score.objects.create(
        project=other_project, trace_id=mine.trace_id, name="theirs", value=1, source="human", author_user=rita,
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    assert reviewer.post(f"{url_of(root)}scores/", {"name": "n", "value": "1"}).status_code == 404
    assert reviewer.get(f"{url_of(root)}scores/").status_code == 404
    assert reviewer.post(f"{url_of(mine)}scores/{foreign.pk}/remove/").status_code == 404
    assert "theirs" not in reviewer.get(url_of(mine)).content.decode()


def test_the_page_takes_the_same_queries_however_many_scores_there_are(reviewer: Client, sending: Sending) -> None:
    root = sending.agent()
    sending.send([root])

    def queries() -> int:
        reviewer.get(url_of(root))
        with CaptureQueriesContext(connection) as captured:
            reviewer.get(f"{url_of(root)}?span={root.span_id.hex()}")
        return len(captured)

    before = queries()
    for number in range(5):
        reviewer.post(f"{url_of(root)}scores/", {"name": f"n{number}", "value": "1"})
        reviewer.post(f"{url_of(root)}scores/", {"name": f"n{number}", "value": "1", "span": root.span_id.hex()})
    assert queries() == before


def test_what_a_tool_answers_is_headed_as_the_tools(page: Client, sending: Sending) -> None:
    root = sending.agent()
    # Strands writes the result of a tool down as a choice, which is otherwise what a model answers.
    choice = RawEvent("gen_ai.choice", root.start_ns, {"message": '[{"text": "21 C"}]'})
    tool = sending.span(
        "execute_tool get_weather",
        trace=root.trace_id,
        parent=root.span_id,
        attributes={"gen_ai.operation.name": "execute_tool"},
        events=(choice,),
    )
    sending.send([root, tool])
    html = page.get(f"{url_of(root)}?span={tool.span_id.hex()}").content.decode()
    assert "<strong>Tool</strong>" in html
    assert "<strong>Assistant</strong>" not in html
