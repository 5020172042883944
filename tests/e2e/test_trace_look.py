"""What a browser makes of the trace pages where there is little room: deep traces, narrow windows, hidden elements."""

import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bench.trace_page import span
from tests.e2e.conftest import Watched
from tests.e2e.running import Console
from tests.e2e.test_trace_page import post

DEPTH = 30
TRACE = "dee9" * 8
HIDDEN_BUT_SHOWN = """() => [...document.querySelectorAll("[hidden]")]
  .filter((one) => getComputedStyle(one).display !== "none").map((one) => one.outerHTML.slice(0, 200))"""
# Of every row: how wide the name and cut marks are in its line, and how far that line reaches beyond the cell.
ROWS = """() => [...document.querySelectorAll("#waterfall .waterfall-row")].map((row) => {
  const cell = row.querySelector(".waterfall-name").getBoundingClientRect();
  const time = row.querySelector(".waterfall-time").getBoundingClientRect();
  const seen = [...row.querySelectorAll(".waterfall-name > *")].map((one) => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.width && box.top < cell.bottom);
  return {
    name: seen.find(([one]) => one.matches("a"))?.[1].width ?? 0,
    cut: seen.filter(([one]) => one.matches(".waterfall-mark") && one.scrollWidth > one.clientWidth + 1)
      .map(([, box]) => box.width),
    beyond: Math.max(...seen.map(([, box]) => box.right)) - cell.right,
    overlap: cell.top < time.bottom && time.top < cell.bottom ? cell.right - time.left : 0,
    depth: Number(row.getAttribute("aria-level")),
  };
})"""
TICKS = """() => [...document.querySelectorAll(".waterfall-full .waterfall-ticks > span")]
  .map((one) => one.getBoundingClientRect()).filter((box) => box.width)
  .map((box, n, all) => n ? box.left - all[n - 1].right : 99)"""


@pytest.fixture(scope="module")
def deep(console: Console) -> str:
    """The path of a trace of which every span is inside the one before; some failed."""
    start = time.time_ns() - 600 * 10**9
    post(console, [deep_span(number, start) | {"traceId": TRACE} for number in range(1, DEPTH + 1)])
    return f"traces/{TRACE}/"


def deep_span(number: int, start_ns: int) -> dict[str, Any]:
    failed = number % 4 == 0
    said = {"gen_ai.operation.name": "execute_tool", "error.type": "RateLimitExceededError" if failed else ""}
    name = f"execute_tool look_up_the_orders_of_{number}"
    return span(number, number - 1 or None, name, number, 300_000 - 2 * number, start_ns, said, failed)


@pytest.mark.parametrize("width", [1440, 1024, 360])
def test_the_names_of_a_deep_trace_keep_their_room(tab: Watched, console: Console, deep: str, width: int) -> None:
    tab.page.set_viewport_size({"width": width, "height": 900})
    tab.open(console.page_url(deep))
    tab.rest()
    rows = tab.page.evaluate(ROWS)
    assert max(row["depth"] for row in rows) == DEPTH
    for row in rows:
        assert row["name"] >= 80, row
        assert row["beyond"] <= 1, row
        assert row["overlap"] <= 0, row
        assert all(width >= 60 for width in row["cut"]), "either there to be read or not there"
    assert min(tab.page.evaluate(TICKS), default=99) >= 6


def test_nothing_that_is_hidden_is_displayed(tab: Watched, console: Console, deep: str) -> None:
    for path in ("", "traces/", "traces/?live=1", "sessions/", "logs/", "costs/", deep):
        tab.open(console.page_url(path))
        tab.page.wait_for_load_state("load")
        assert hidden_but_shown(tab.page) == [], path
    tab.open(console.page_url("traces/?live=1"))
    show = tab.page.locator("[data-live-show]")
    expect(show).to_be_attached()
    expect(show).to_be_hidden()


def hidden_but_shown(page: Page) -> list[str]:
    found: list[str] = page.evaluate(HIDDEN_BUT_SHOWN)
    return found
