"""The page of a trace of 5,000 spans: server time, bytes, and how it feels in Chromium: `python -m bench.trace_page`.

The spans go through the whole of ingest. "Server" is from the request to the first byte of the answer over loopback.
A long task is one that keeps the page from answering to a key for more than 50 ms.
"""

import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
from playwright.sync_api import Page, sync_playwright

from bench.table import Figure, show

TRACE = "5eed" * 8
SHORT_TRACE = "5e0c" * 8
NS = 1_000_000_000
OBSERVE = """() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
  }).observe({ type: "longtask", buffered: true });
}"""
FRAMES = """async (steps) => {
  const gaps = [];
  let last = performance.now();
  for (let n = 0; n < steps; n += 1) {
    window.scrollBy(0, document.documentElement.scrollHeight / steps);
    await new Promise(requestAnimationFrame);
    gaps.push(performance.now() - last);
    last = performance.now();
  }
  return gaps.sort((a, b) => a - b)[Math.floor(gaps.length * 0.95)];
}"""


def spans(count: int, start_ns: int, trace: str = TRACE) -> Iterator[dict[str, Any]]:
    """The spans of `_spans` under a trace id."""
    for one in _spans(count, start_ns):
        yield one | {"traceId": trace}


def _spans(count: int, start_ns: int) -> Iterator[dict[str, Any]]:
    """An agent that takes steps; each step calls a model and tools, and every tenth tool fails."""
    yield span(1, None, "invoke_agent planner", 0, count * 10, start_ns, {"gen_ai.operation.name": "invoke_agent"})
    number = 1
    step = 0
    while number < count:
        step += 1
        head, offset = number + 1, number * 10
        yield span(head, 1, f"step {step}", offset, 95, start_ns, {"gen_ai.operation.name": "plan"})
        for place in range(1, min(10, count - head + 1)):
            tool = place % 3 == 0
            operation = "execute_tool" if tool else "chat"
            attributes = {"gen_ai.operation.name": operation, "gen_ai.request.model": "" if tool else "gpt-4o-mini"}
            parent = head if place < 6 else head + 5
            name = f"execute_tool search_{place}" if tool else "chat gpt-4o-mini"
            failed = tool and step % 10 == 0
            length = 40 if place == 5 else 9
            yield span(head + place, parent, name, offset + place * 9, length, start_ns, attributes, failed)
        number = min(head + 9, count)


def span(
    number: int, parent: int | None, name: str, offset_ms: int, ms: int, start_ns: int, attributes: dict[str, str],
    failed: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """A span of OTLP/JSON."""
    begin = start_ns + offset_ms * 1_000_000
    return {
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": name,
        "startTimeUnixNano": str(begin),
        "endTimeUnixNano": str(begin + ms * 1_000_000),
        "status": {"code": 2, "message": "failed"} if failed else {},
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items() if value],
    }


def send(url: str, key: str, count: int) -> None:
    """Posts the trace, and one of ten spans to compare with, in batches of 500."""
    start_ns = time.time_ns() - (count * 10 + 60_000) * 1_000_000
    everything = [*spans(10, start_ns, SHORT_TRACE), *spans(count, start_ns)]
    with httpx.Client(timeout=60) as client:
        for first in range(0, len(everything), 500):
            body = {"resourceSpans": [{"scopeSpans": [{"spans": everything[first : first + 500]}]}]}
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            client.post(f"{url}/v1/traces", content=orjson.dumps(body), headers=headers).raise_for_status()


def signed_in(url: str, email: str, password: str) -> httpx.Client:
    """A client with the session of a person."""
    client = httpx.Client(base_url=url, follow_redirects=True, timeout=60)
    form = client.get("/accounts/login/").text
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)[:1]
    client.post("/accounts/login/", data={"login": email, "password": password, "csrfmiddlewaretoken": token})
    return client


def serve_times(client: httpx.Client, path: str, times: int) -> tuple[list[float], int]:
    """Milliseconds to the first byte of each request, sorted, and the bytes of the page before compression."""
    taken, size = [], 0
    for _ in range(times + 2):
        begin = time.perf_counter()
        with client.stream("GET", path, headers={"Accept-Encoding": "identity"}) as answer:
            first = time.perf_counter()
            size = len(answer.read())
            answer.raise_for_status()
        taken.append((first - begin) * 1_000)
    return sorted(taken[2:]), size


def in_browser(url: str, path: str, email: str, password: str) -> dict[str, float]:
    """Milliseconds of what a person waits for."""
    from tests.browser import FLAGS, executable

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{url}/accounts/login/")
        page.fill("input[name=login]", email)
        page.fill("input[name=password]", password)
        page.click("button[type=submit]:visible")
        page.wait_for_load_state()
        page.add_init_script(f"({OBSERVE})()")
        page.goto(url + path, wait_until="load")
        found = {"interactive": page.evaluate("performance.getEntriesByType('navigation')[0].domInteractive")}
        page.wait_for_timeout(2_000)
        found["longest task while loading"] = page.evaluate("window.longest")
        found["elements"] = page.evaluate("document.querySelectorAll('*').length")
        found["scrolling, p95 frame"] = page.evaluate(FRAMES, 60)
        found |= folding(page)
        browser.close()
    return found


def folding(page: Page) -> dict[str, float]:
    """Collapses everything, expands it again, moves with the keys."""
    found = {}
    page.evaluate("window.scrollTo(0, 0)")
    for name in ("collapse", "expand", "error"):
        page.evaluate("window.longest = 0")
        page.click(f'[data-waterfall="{name}"]')
        page.wait_for_timeout(700)
        found[f"longest task: {name}"] = page.evaluate("window.longest")
    page.evaluate("window.longest = 0")
    for _ in range(30):
        page.keyboard.press("ArrowDown")
    page.wait_for_timeout(300)
    found["longest task: 30 arrow keys"] = page.evaluate("window.longest")
    return found


def figures(*, spans: int = 5_000, requests: int = 30) -> Iterator[Figure]:
    """Starts the product, sends the trace, and looks at it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    from tests.e2e.running import start

    with tempfile.TemporaryDirectory(prefix="handrail-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        console = start(Path(folder) / "data")
        try:
            send(console.url, console.api_key, spans)
            yield from measured(console, spans, requests)
        finally:
            console.stop()


def measured(console: Any, spans: int, requests: int) -> Iterator[Figure]:
    """What a running console does with the trace."""
    name = f"trace page of {spans:,} spans"
    path = f"/p/{console.project}/traces/{TRACE}/"
    client = signed_in(console.url, console.email, console.password)
    short, _size = serve_times(client, f"/p/{console.project}/traces/{SHORT_TRACE}/", requests)
    taken, size = serve_times(client, path, requests)
    yield Figure("trace page of 10 spans, server, p50", statistics.median(short), "ms")
    yield Figure(f"{name}, server, p50", statistics.median(taken), "ms")
    yield Figure(f"{name}, server, p95", taken[int(len(taken) * 0.95) - 1], "ms", 500, 200)
    yield Figure(f"{name}, uncompressed", size / 1_000, "kB")
    for what, value in in_browser(console.url, path, console.email, console.password).items():
        yield Figure(f"{name}, in Chromium: {what}", value, "" if what == "elements" else "ms")


if __name__ == "__main__":
    show(figures())
