"""The trace list, the trace and its span panel."""

import json
import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Project
from metrics import questions
from metrics.ingest.rows import RawEvent, RawSpan
from metrics.selectors import traces
from metrics.views.trace import version_of
from tests.metrics.sending import Sending

URL = "/p/fleet/traces/"
HOSTILE = '<script>alert(1)</script><a href="https://evil.example">x</a>'


def listed(html: str) -> list[str]:
    return re.findall(r'<tr id="trace-([0-9a-f]{32})"', html)


def test_without_traces_the_list_says_how_to_send_them(page: Client) -> None:
    assert "OTEL_EXPORTER_OTLP_HEADERS" in page.get(URL).content.decode()


def test_the_first_trace_makes_an_empty_list_whole(page: Client, sending: Sending) -> None:
    sending.send([sending.agent()])
    response = page.get(f"{URL}?waiting=1", headers={"HX-Request": "true"})
    assert response["HX-Refresh"] == "true"


def test_next_and_previous_walk_the_list(page: Client, sending: Sending) -> None:
    sending.send(sending.agent(ago=60 + index) for index in range(60))
    first = page.get(URL).content.decode()
    (next_query,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = page.get(URL + next_query.replace("&amp;", "&")).content.decode()
    assert len(set(listed(first)) | set(listed(second))) == 60
    assert 'rel="next"' not in second
    (back,) = re.findall(r'rel="prev" href="([^"]+)"', second)
    assert listed(page.get(URL + back.replace("&amp;", "&")).content.decode()) == listed(first)


def test_a_damaged_cursor_shows_the_first_page(page: Client, sending: Sending) -> None:
    sending.send([sending.agent()])
    assert len(listed(page.get(f"{URL}?cursor=nonsense").content.decode())) == 1


def test_filters_are_in_the_address_and_no_match_is_said(page: Client, sending: Sending) -> None:
    sending.send([sending.agent("helper"), sending.agent("janitor", attributes={"session.id": "s 1"})])
    html = page.get(f"{URL}?session=s+1").content.decode()
    assert len(listed(html)) == 1
    assert 'class="chip"' in html
    assert "No trace matches" in page.get(f"{URL}?agent=nobody").content.decode()


def test_a_trace_id_in_the_search_box_opens_the_trace(page: Client) -> None:
    trace_id = "AB" * 16
    assert page.get(URL, {"name": f" {trace_id} "})["Location"] == f"{URL}{trace_id.lower()}/"
    assert (
        page.get(URL, {"name": trace_id}, headers={"HX-Request": "true"})["HX-Redirect"] == f"{URL}{trace_id.lower()}/"
    )


def test_new_traces_are_counted_by_the_filter_and_never_inserted(page: Client, sending: Sending) -> None:
    sending.send([sending.agent(ago=60)])
    html = page.get(URL).content.decode()
    (seen,) = set(re.findall(r"seen=(\d+)", html))
    sending.send([sending.agent("helper", ago=30), sending.agent("janitor", ago=20)])
    assert "2 new traces" in page.get(f"{URL}newer/?seen={seen}").content.decode()
    assert "1 new trace" in page.get(f"{URL}newer/?seen={seen}&agent=janitor").content.decode()
    assert page.get(f"{URL}newer/?seen={'9' * 19}").status_code == 200


def test_lists_and_traces_take_the_same_queries_whatever_their_length(page: Client, sending: Sending) -> None:
    def queries(url: str) -> int:
        page.get(url)
        with CaptureQueriesContext(connection) as captured:
            assert page.get(url).status_code == 200
        return len(captured)

    small, large = sending.agent(), sending.agent()
    sending.send([small, sending.call(small)])
    before = queries(URL)
    sending.send([large, *(sending.call(large, ago=50) for _ in range(40)), *(sending.agent() for _ in range(20))])
    assert queries(URL) == before
    assert queries(f"{URL}{small.trace_id.hex()}/") == queries(f"{URL}{large.trace_id.hex()}/")


def conversation(sending: Sending) -> RawSpan:
    said = json.dumps([{"role": "user", "parts": [{"type": "text", "content": HOSTILE}]}])
    exception = RawEvent("exception", 0, {"exception.type": "Boom", "exception.stacktrace": "Traceback: line 1"})
    return sending.call(
        attributes={"gen_ai.input.messages": said, "custom": HOSTILE},
        error="Boom",
        events=(exception,),
    )


def test_a_span_shows_its_conversation_error_and_cost_and_nothing_as_markup(page: Client, sending: Sending) -> None:
    span = conversation(sending)
    sending.send([span])
    sending.log(span, body=HOSTILE, severity=17)
    html = page.get(f"{URL}{span.trace_id.hex()}/spans/{span.span_id.hex()}/").content.decode()
    assert "Traceback: line 1" in html
    assert "from tokens" in html
    assert 'class="message message-user"' in html
    assert "alert(1)" in html
    assert "<script>alert" not in html
    assert 'href="https://evil.example"' not in html
    assert "span-logs" in html


def test_the_page_opens_the_span_of_its_address(page: Client, sending: Sending) -> None:
    root = sending.agent(HOSTILE[:40])
    call = sending.call(root)
    sending.send([root, call])
    html = page.get(f"{URL}{root.trace_id.hex()}/?span={call.span_id.hex()}").content.decode()
    assert f'id="span-{call.span_id.hex()}"' in html
    assert len(re.findall(r'role="row" id="s-[0-9a-f]{16}"', html)) == 2
    assert "<script>alert" not in html
    assert page.get(f"{URL}{root.trace_id.hex()}/?span=nope").status_code == 200


def test_a_live_refresh_without_news_is_empty(page: Client, sending: Sending, project: Project) -> None:
    root = sending.agent()
    sending.send([root])
    trace = traces.find(project.pk, root.trace_id)
    assert trace is not None
    url = f"{URL}{root.trace_id.hex()}/?seen={version_of(trace)}"
    htmx: Any = {"HX-Request": "true"}
    assert page.get(url, headers=htmx).status_code == 204
    assert page.get(url + "0", headers=htmx).status_code == 200


def test_the_small_trace_says_when_nothing_has_arrived_and_then_shows_the_cost(page: Client, sending: Sending) -> None:
    root = sending.agent()
    url = f"{URL}{root.trace_id.hex()}/mini/"
    assert "has not arrived yet" in page.get(url).content.decode()
    sending.send([root, sending.call(root)])
    html = page.get(url).content.decode()
    assert "$0.0002" in html
    assert html.count("waterfall-row") == 2


def test_traces_of_other_projects_do_not_exist(page: Client, other_project: Project) -> None:
    theirs = Sending(other_project)
    root = theirs.agent()
    theirs.send([root])
    trace_id, span_id = root.trace_id.hex(), root.span_id.hex()
    assert page.get(f"{URL}{trace_id}/").status_code == 404
    assert page.get(f"{URL}{trace_id}/spans/{span_id}/").status_code == 404
    assert "has not arrived yet" in page.get(f"{URL}{trace_id}/mini/").content.decode()
    assert page.get(f"{URL}nonsense/").status_code == 404
    assert listed(page.get(URL).content.decode()) == []


def test_every_filter_in_the_address_has_a_chip_that_takes_it_away(page: Client, sending: Sending) -> None:
    sending.send([sending.agent()])
    asked = {"user_id": "u", "tag": "<b>", "team": "t", "max_tokens": "9", "error": "1", "sort": "cost"}
    html = page.get(URL, asked).content.decode()
    assert html.count('class="chip"') == 5
    assert "&lt;b&gt;" in html
    gone = [link.replace("&amp;", "&") for link in re.findall(r'<a href="(\?[^"]*)" aria-label="Remove', html)]
    assert all(len(link.split("&")) == 5 and "sort=cost" in link for link in gone)


def test_headings_sort_and_turn_the_direction_round(page: Client, sending: Sending) -> None:
    sending.send([sending.agent(ago=60), sending.agent(ago=50)])
    newest_first = listed(page.get(URL).content.decode())
    html = page.get(f"{URL}?order=asc").content.decode()
    assert listed(html) == newest_first[::-1]
    assert 'aria-sort="ascending"' in html
    html = page.get(f"{URL}?sort=cost").content.decode()
    assert 'href="?sort=cost&amp;order=asc"' in html
    assert html.count('aria-sort="none"') == 6


def test_names_sort_from_a_and_figures_from_the_largest(page: Client, sending: Sending) -> None:
    sending.send([sending.agent(name, attributes={"user.id": user}) for name, user in (("b", "u1"), ("a", ""))])
    html = page.get(URL).content.decode()
    link = unescape(re.findall(r'aria-sort="none"><a href="([^"]+)">Trace<', html)[0])
    assert parse_qs(link.lstrip("?")) == {"sort": ["name"], "order": ["asc"]}
    sorted_html = page.get(f"{URL}{link}").content.decode()
    assert re.findall(r"invoke_agent (\w)</a>", sorted_html) == ["a", "b"]
    assert 'aria-sort="ascending"><a href="?sort=name">' in sorted_html
    by_user = page.get(f"{URL}?sort=user").content.decode()
    assert re.findall(r"invoke_agent (\w)</a>", by_user) == ["b"]
    assert "traces without one are not in this list" in by_user
    by_session = page.get(f"{URL}?sort=session").content.decode()
    assert "No trace matches" in by_session, "there are traces in this range, though none of a session"


def test_every_filter_of_a_list_has_a_field(page: Client, sending: Sending) -> None:
    sending.send([sending.agent(environment="prod")])
    html = page.get(URL).content.decode()
    form = html[html.index('id="trace-filters"') : html.index("</form>", html.index('id="trace-filters"'))]
    fields = set(re.findall(r'<(?:input|select)[^>]* name="(\w+)"', form))
    asked = {names[0] for names in questions.TEXT_FILTERS.values()} | set(questions.AMOUNT_FILTERS) | {"q", "status"}
    # A whole id of a trace in the search box opens it; the list of models is there once there are any.
    assert asked - fields == {"trace_id", "model"}


def test_the_form_carries_a_session_in_its_field_and_not_twice(page: Client, sending: Sending) -> None:
    sending.send([sending.agent(attributes={"session.id": "s1"})])
    html = page.get(f"{URL}?session_id=s1&sort=name&order=asc").content.decode()
    form = html[html.index('id="trace-filters"') : html.index("</form>", html.index('id="trace-filters"'))]
    assert re.search(r'name="session"[^>]* value="s1"', form)
    assert 'type="hidden" name="session_id"' not in form
    assert '<option value="name" selected>' in form
    assert '<option value="asc" selected>' in form


def test_characters_that_turn_a_name_round_are_written_out(page: Client, sending: Sending) -> None:
    root = sending.agent("safe\u202egnp.exe")
    sending.send([root, sending.span("tool\u202egnp", trace=root.trace_id, parent=root.span_id)])
    trace = f"{URL}{root.trace_id.hex()}/"
    for path in (URL, trace, f"{trace}mini/", f"{trace}spans/{root.span_id.hex()}/", "/p/fleet/", "/p/fleet/agents/"):
        html = page.get(path).content.decode()
        heard = re.sub(r'(value|href|title|data-[a-z-]+)="[^"]*"|<script.*?</script>', "", html, flags=re.S)
        assert "\u202e" not in heard, path
        assert "⟨U+202E⟩" in heard, path


def test_the_live_list_fetches_what_began_since_and_what_arrived_late(page: Client, sending: Sending) -> None:
    old, late = sending.agent(ago=60), sending.agent(ago=25)
    sending.send([old, sending.agent(ago=20)])
    html = page.get(f"{URL}?live=1").content.decode()
    (seen,) = re.findall(r'data-seen="(\d+)"', html)
    assert 'rel="next"' not in html
    sending.send([late, sending.agent("janitor", ago=10)])
    found = listed(page.get(f"{URL}live/?seen={seen}").content.decode())
    assert late.trace_id.hex() in found
    assert old.trace_id.hex() not in found
    assert len(found) == 3
    assert len(listed(page.get(f"{URL}live/?seen={seen}&agent=janitor").content.decode())) == 1
    assert page.get(f"{URL}live/?seen={seen}&agent=nobody").status_code == 204
    for nonsense in ("", "seen=x", f"seen={'9' * 19}", f'seen={seen}&q="'):
        assert page.get(f"{URL}live/?{nonsense}").status_code == 204


def test_the_live_list_shows_newest_first_whatever_the_address_sorts_by(page: Client, sending: Sending) -> None:
    sending.send([sending.agent()])
    assert 'id="trace-live"' not in page.get(f"{URL}?live=1&sort=cost").content.decode()
    assert 'id="trace-live"' in page.get(f"{URL}?live=1").content.decode()
