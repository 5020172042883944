"""Every page: nothing serious for axe, and in both themes and at both widths no sideways scrolling, no fault logged."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind
from playwright.sync_api import Browser, Page, ViewportSize

from tests.e2e.conftest import Watched, open_tab
from tests.e2e.running import Console
from tests.waiting import eventually

SERIOUS = {"serious", "critical"}
View = tuple[Literal["light", "dark"], int]
WIDTHS = (1440, 360)
# Colours depend on the theme alone and what there is to touch on the width alone: axe looks at two views, which have
# all of both. Each is then made as wide as the other, and has been seen in both themes at both widths.
AXE_VIEWS: list[View] = [("light", 1440), ("dark", 360)]
VIEWS: list[View] = [(theme, width) for theme, _width in AXE_VIEWS for width in WIDTHS]
# How far a page can be scrolled sideways; that much as well where a table that is shown has no width to be read in.
OVERFLOW = """
    Math.max(document.documentElement.scrollWidth - document.documentElement.clientWidth,
             ...[...document.querySelectorAll(".table-region")].map(
               (one) => one.checkVisibility() && one.clientWidth < 40 ? 40 - one.clientWidth : 0))
"""
PAGES = {
    "overview": "",
    "queue": "queue/",
    "approval": "queue/{approval}/",
    "batch": "queue/{batch}/?item=1",
    "to be agreed with": "queue/{proposal}/",
    "one click": "queue/{approval}/decide/reject/",
    "queue held by me": "queue/?whose=held",
    "all requests": "queue/?status=all",
    "together": "queue/together/?action=send_note",
    "analytics": "analytics/",
    "analytics by reviewer": "analytics/?by=reviewer&range=30d",
    "traces": "traces/",
    "trace": "traces/{trace}/",
    "sessions": "sessions/",
    "session": "sessions/s-1/",
    "agents": "agents/",
    "agent": "agents/support/",
    "evaluation": "agents/support/evaluation/",
    "evaluation standard": "settings/evaluation/",
    "compare": "compare/",
    "compared": "compare/?a_agent=support&a_version=1&b_agent=support",
    "costs": "costs/",
    "budgets": "costs/budgets/",
    "new budget": "costs/budgets/new/",
    "budget": "costs/budgets/{budget}/",
    "logs": "logs/",
    "metrics": "metrics/",
    "metric": "metrics/?name=tests.duration",
    "annotation": "annotation/",
    "new annotation queue": "annotation/new/",
    "annotation queue": "annotation/{queue}/",
    "annotation settings": "annotation/{queue}/settings/",
    "annotation item": "annotation/{queue}/items/{item}/",
    "score configs": "annotation/scores/",
    "new score config": "annotation/scores/new/",
    "feedback": "feedback/",
    "labels": "feedback/labels/",
    "quality": "feedback/quality/",
    "quality settings": "feedback/quality/settings/",
    "second look": "feedback/quality/review/",
    "seeds": "feedback/quality/seeds/",
    "new seed": "feedback/quality/seeds/new/{approval}/0/",
    "datasets": "feedback/datasets/",
    "new dataset": "feedback/datasets/new/",
    "back-tests": "policies/backtests/",
    "suggested rules": "policies/suggestions/",
    "policies": "policies/",
    "policy draft": "policies/draft/",
    "policy rule": "policies/draft/rules/0/",
    "policy risk": "policies/draft/risk/",
    "policy bench": "policies/bench/",
    "policy history": "policies/history/",
    "checks": "checks/",
    "settings": "settings/",
    "members": "settings/members/",
    "teams": "settings/teams/",
    "channels": "settings/channels/",
    "new channel": "settings/channels/new/webhook/",
    "keys": "settings/keys/",
    "new key": "settings/keys/new/",
    "masking": "settings/masking/",
    "audit": "audit/",
    "account": "/account/",
    "away": "/account/away/",
    "notifications": "/notifications/",
    "second factor": "/accounts/2fa/",
    "new project": "/projects/new/",
    "no such page": "nothing/",
}


def send_trace(console: Console) -> str:
    """One agent run through the ordinary OpenTelemetry SDK; returns its trace id."""
    exporter = OTLPSpanExporter(f"{console.url}/v1/traces", headers={"Authorization": f"Bearer {console.api_key}"})
    provider = TracerProvider(resource=Resource.create({"service.name": "support"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "support", "gen_ai.conversation.id": "s-1"}
    chat: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.output_tokens": 80,
        "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"<b>Where</b> is my refund?"}]}]',
    }
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "lookup_order"}
    with tracer.start_as_current_span("invoke_agent support", kind=SpanKind.SERVER, attributes=agent) as root:
        with tracer.start_as_current_span("chat gpt-4o-mini", kind=SpanKind.CLIENT, attributes=chat):
            pass
        with tracer.start_as_current_span("execute_tool lookup_order", attributes=tool):
            time.perf_counter()
        trace_id = f"{root.get_span_context().trace_id:032x}"
    provider.shutdown()
    return trace_id


def send_signals(console: Console) -> None:
    """A log record and a point of a histogram; returns when the session of the trace has its summary, too."""
    now = str(time.time_ns())
    record = {"timeUnixNano": now, "severityNumber": 17, "body": {"stringValue": "<b>mail</b> server away"}}
    point = {"timeUnixNano": now, "count": "3", "sum": 4.5, "explicitBounds": [1, 2], "bucketCounts": ["1", "1", "1"]}
    metric = {"name": "tests.duration", "unit": "s", "histogram": {"aggregationTemporality": 1, "dataPoints": [point]}}
    with console.agent() as agent:
        agent.post("/v1/logs", json={"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).raise_for_status()
        agent.post("/v1/metrics", json={"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]})
        eventually(lambda: agent.get("/api/v1/sessions/s-1").status_code == 200)


@pytest.fixture(scope="package")
def objects(console: Console) -> dict[str, str]:
    """A trace that led to a waiting request, and a second request that has ended."""
    trace = send_trace(console)
    send_signals(console)
    request = {
        "action": "process_refund",
        "arguments": {"order": "A-1042", "amount": 12_500, "currency": "EUR", "data_classification": "confidential"},
        "summary": "Refund 12,500 EUR for order A-1042",
        "description": "The customer returned **both** devices. <script>alert(1)</script>",
        "context": {"customer": "gold"},
        "agent": {"name": "support", "version": "3"},
        "trace_id": trace,
        "session_id": "s-1",
        "confidence": 0.62,
        "suggestion": "approve",
        "timeout_seconds": 86_400,
    }
    with console.agent() as agent:
        approval = agent.post("/api/v1/approvals", json=request).json()["id"]
        ended = agent.post("/api/v1/approvals", json={"action": "delete_records"}).json()["id"]
        agent.post(f"/api/v1/approvals/{ended}/cancel")
        notes = [{"action": "send_note", "arguments": {"to": name}} for name in ("Jo", "Al")]
        for note in notes:
            agent.post("/api/v1/approvals", json={**note, "timeout_seconds": 86_400})
        batch = agent.post("/api/v1/approvals", json={"actions": notes, "timeout_seconds": 86_400}).json()["id"]
    limit = {"name": "All", "period": "day", "limit": "0.001", "time_zone": "Asia/Tokyo", "when_spent": "warn"}
    with admin_of(console) as admin:
        budget = str(admin.post("/api/v1/budgets", json=limit).raise_for_status().json()["id"])
        queue, item = annotation_of(admin, trace)
        proposal = proposed_in(console, admin)
    ids = {"approval": approval, "batch": batch, "proposal": proposal, "budget": budget, "queue": queue, "item": item}
    return {"trace": trace, **ids}


@contextmanager
def admin_of(console: Console) -> Iterator[httpx.Client]:
    """The API as a person: what scores look like and what may be spent is not for the key of an agent to say."""
    with httpx.Client(base_url=console.url, follow_redirects=True, timeout=70) as admin:
        admin.get("/accounts/login/")
        known = {"login": console.email, "password": console.password}
        admin.post("/accounts/login/", data={**known, "csrfmiddlewaretoken": admin.cookies["csrftoken"]})
        admin.headers["X-CSRFToken"] = admin.cookies["csrftoken"]
        admin.params = admin.params.set("project", console.project)
        yield admin


def proposed_in(console: Console, admin: httpx.Client) -> str:
    """A request on which two people have to agree, of whom one has changed what was proposed; its id."""
    rule = {"name": "wire", "effect": "review", "condition": 'action == "wire"', "review": {"approvals": 2}}
    admin.post("/api/v1/policies", json={"rules": [rule]}).raise_for_status()
    request = {"action": "wire", "arguments": {"to": "A company", "amount": 100}, "timeout_seconds": 86_400}
    with console.agent() as agent:
        made = str(agent.post("/api/v1/approvals", json=request).raise_for_status().json()["id"])
    changed = {"verdict": "edit", "arguments": {"to": "A company", "amount": 50}}
    admin.post(f"/api/v1/approvals/{made}/decisions", json=changed).raise_for_status()
    return made


def annotation_of(admin: httpx.Client, trace: str) -> tuple[str, str]:
    """An annotation queue that asks for one score of each sort, and the trace in it; their numbers."""
    sorts: list[dict[str, Any]] = [
        {"name": "helpful", "data_type": "categorical", "categories": ["poor", "good"]},
        {"name": "rating", "data_type": "numeric", "min_value": 1, "max_value": 5},
        {"name": "solved", "data_type": "boolean", "description": "Did the customer get what they asked for?"},
        {"name": "note", "data_type": "text"},
    ]
    for sort in sorts:
        admin.post("/api/v1/score-configs", json=sort).raise_for_status()
    asked = {"name": "Look again", "scores": [sort["name"] for sort in sorts], "reviewers": 2}
    queue = admin.post("/api/v1/annotation-queues", json=asked).raise_for_status().json()["id"]
    items = f"/api/v1/annotation-queues/{queue}/items"
    admin.post(items, json={"trace_id": trace, "reason": "complaint"}).raise_for_status()
    return str(queue), str(admin.get(items).json()["results"][0]["id"])


def address(console: Console, path: str, objects: dict[str, str]) -> str:
    return console.url + path if path.startswith("/") else console.page_url(path.format(**objects))


Views = dict[View, Watched]


@pytest.fixture(scope="module")
def views(browser: Browser, console: Console) -> Iterator[Views]:
    """A signed-in tab for each view of axe."""
    found: Views = {}
    for theme, width in AXE_VIEWS:
        context = browser.new_context(viewport=size(width), color_scheme=theme, reduced_motion="reduce")
        found[theme, width] = open_tab(context)
        found[theme, width].enter(console)
    yield found
    for tab in found.values():
        tab.page.context.close()


def size(width: int) -> ViewportSize:
    return {"width": width, "height": 900}


def open_in_all(views: Views, url: str) -> set[int]:
    """Opens a page in every tab, which load it side by side, and waits until all are at rest; the status codes."""
    statuses = {tab.open(url) for tab in views.values()}
    for tab in views.values():
        tab.rest()
    return statuses


def too_wide(views: Views) -> dict[View, int]:
    """How far a page can be scrolled sideways in each view."""
    found: dict[View, int] = {}
    for (theme, width), tab in views.items():
        found[theme, width] = tab.page.evaluate(OVERFLOW)
        for other in set(WIDTHS) - {width}:
            tab.page.set_viewport_size(size(other))
            with suppress(AssertionError):  # a chart takes a moment to fit
                eventually(lambda page=tab.page: page.evaluate(OVERFLOW) == 0)  # type: ignore[misc]
            found[theme, other] = tab.page.evaluate(OVERFLOW)
        tab.page.set_viewport_size(size(width))
    return found


# Of every name that an agent gives.
LONG = "W" * 300
LONG_PAGES = (
    "", "traces/", "traces/{trace}/", "traces/{trace}/?span={span}", "sessions/", f"sessions/{LONG[:100]}/", "agents/",
    f"agents/{LONG[:100]}/", "costs/", "costs/?by=tag", "logs/", "metrics/", f"metrics/?name={LONG[:200]}",
)  # fmt: skip


def send_long_words(console: Console) -> dict[str, str]:
    """A failed model call, a log record and a point, all their names one long word; the ids of trace and span."""

    def attributes(**values: Any) -> list[dict[str, Any]]:
        return [{"key": name.replace("__", "."), "value": value} for name, value in values.items()]

    word, name, now = {"stringValue": LONG}, {"stringValue": LONG[:100]}, time.time_ns()
    trace, span = f"{now:032x}", f"{now:016x}"
    said = attributes(
        gen_ai__operation__name={"stringValue": "chat"}, gen_ai__request__model=word, gen_ai__agent__name=name,
        gen_ai__agent__version=word, gen_ai__conversation__id=name, user__id=word, error__type=word,
        langfuse__trace__tags={"arrayValue": {"values": [word]}}, gen_ai__usage__input_tokens={"intValue": "5"},
    )  # fmt: skip
    times = {"startTimeUnixNano": str(now - 10**9), "endTimeUnixNano": str(now)}
    failed = {"traceId": trace, "name": LONG, "attributes": said, "status": {"code": 2, "message": LONG}, **times}
    child = {**failed, "spanId": f"{now + 1:016x}", "parentSpanId": span}
    record = {"timeUnixNano": str(now), "severityText": LONG, "eventName": LONG, "body": word, "attributes": said}
    gauge = {"dataPoints": [{"timeUnixNano": str(now), "asDouble": 1.5, "attributes": said}]}
    resource = {"attributes": attributes(service__name=word, deployment__environment__name=word)}
    scopes: dict[str, dict[str, list[dict[str, Any]]]] = {
        "traces": {"resourceSpans": [{"scopeSpans": [{"spans": [{**failed, "spanId": span}, child]}]}]},
        "logs": {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]},
        "metrics": {
            "resourceMetrics": [
                {"scopeMetrics": [{"metrics": [{"name": LONG[:200], "unit": LONG[:60], "gauge": gauge}]}]}
            ]
        },
    }
    with console.agent() as agent:
        for signal, body in scopes.items():
            for part in next(iter(body.values())):
                part["resource"] = resource
            agent.post(f"/v1/{signal}", json=body).raise_for_status()
        score = {"trace_id": trace, "span_id": span, "name": LONG[:60], "value": 1, "comment": LONG}
        agent.post("/api/v1/scores", json=score).raise_for_status()
        eventually(lambda: agent.get(f"/api/v1/sessions/{LONG[:100]}").status_code == 200)
    return {"trace": trace, "span": span}


@pytest.fixture(scope="package")
def long_words(console: Console) -> dict[str, str]:
    return send_long_words(console)


def test_one_long_word_makes_no_page_wider_than_the_window(
    views: Views, console: Console, long_words: dict[str, str]
) -> None:
    wide = {}
    for path in LONG_PAGES:
        statuses = open_in_all(views, address(console, path, long_words))
        wide[path] = (statuses, too_wide(views))
    assert wide == dict.fromkeys(LONG_PAGES, ({200}, dict.fromkeys(VIEWS, 0)))


def serious_in(page: Page) -> dict[str, str]:
    # With `preload` axe fetches stylesheets itself, wrongly resolved, and reports what it caused.
    found = Axe().run(page, options={"preload": False, "resultTypes": ["violations"]}).response["violations"]
    return {v["id"]: v["nodes"][0]["html"] for v in found if v["impact"] in SERIOUS}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_fits(name: str, views: Views, console: Console, objects: dict[str, str]) -> None:
    for tab in views.values():
        tab.faults.clear()
    statuses = open_in_all(views, address(console, PAGES[name], objects))
    if name == "no such page":
        for tab in views.values():
            # Chromium reports the 404 itself; it was asked for.
            tab.faults[:] = [fault for fault in tab.faults if "404" not in fault]
    serious = {view: serious_in(tab.page) for view, tab in views.items()}
    wide = too_wide(views)
    faults = [fault for tab in views.values() for fault in tab.faults]
    assert statuses == ({404} if name == "no such page" else {200})
    assert serious == {view: {} for view in AXE_VIEWS}
    assert wide == dict.fromkeys(VIEWS, 0)
    assert faults == []


def test_the_agents_words_are_never_markup(views: Views, console: Console, objects: dict[str, str]) -> None:
    open_in_all(views, address(console, PAGES["approval"], objects))
    for page in (tab.page for tab in views.values()):
        body = page.locator("body")
        eventually(lambda body=body: "Refund 12,500 EUR" in (body.text_content() or ""))  # type: ignore[misc]
        assert page.locator("script:not([src]):not([nonce]):not([type='application/json'])").count() == 0
        assert page.evaluate("document.querySelectorAll('#approval script').length") == 0


def test_a_span_that_arrives_is_on_the_open_dashboard_within_two_seconds(
    browser: Browser, console: Console, objects: dict[str, str]
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab = open_tab(context)
    tab.sign_in(console)
    tab.page.goto(console.page_url(""))
    tab.page.locator("#live-toggle[data-state=connected]").wait_for(timeout=10_000)
    requests = tab.page.locator("#tile-requests")
    before = requests.text_content()
    send_trace(console)
    began = time.monotonic()
    eventually(lambda: requests.text_content() != before, timeout=5)
    elapsed = time.monotonic() - began
    context.close()
    assert elapsed < 2
