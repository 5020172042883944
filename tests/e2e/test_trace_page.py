"""The page of a trace of thousands of spans, with the keyboard, live, and with scores given by a person."""

import time
from typing import Any

import orjson
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from bench.trace_page import span, spans
from tests.e2e.conftest import Watched
from tests.e2e.running import Console
from tests.waiting import eventually

COUNT = 3_000
TRACE = "5eed" * 8


def post(console: Console, sent: list[dict[str, Any]]) -> None:
    body = {"resourceSpans": [{"scopeSpans": [{"spans": sent}]}]}
    with console.agent() as agent:
        headers = {"Content-Type": "application/json"}
        agent.post("/v1/traces", content=orjson.dumps(body), headers=headers).raise_for_status()


@pytest.fixture(scope="module")
def start_ns(console: Console) -> int:
    """The start of a long trace that has arrived."""
    start = time.time_ns() - 120 * 10**9
    everything = list(spans(COUNT, start))
    for first in range(0, COUNT, 500):
        post(console, everything[first : first + 500])
    return start


@pytest.fixture
def page(tab: Watched, console: Console, start_ns: int) -> Page:
    tab.open(console.page_url(f"traces/{TRACE}/"))
    tab.rest()
    return tab.page


def rows(page: Page) -> Locator:
    return page.locator("#waterfall [role=row]")


def focused(page: Page) -> str:
    found: str = page.evaluate("document.activeElement.id")
    return found


def test_only_the_rows_in_sight_are_elements_and_the_grid_says_how_many_there_are(page: Page) -> None:
    grid = page.locator("#waterfall")
    assert grid.get_attribute("aria-rowcount") == str(COUNT)
    assert 20 < rows(page).count() < 200
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    last = f"s-{COUNT:016x}"
    expect(page.locator(f"#{last}")).to_be_visible()
    assert page.locator(f"#{last}").get_attribute("aria-rowindex") == str(COUNT)
    assert rows(page).count() < 200


def test_arrows_move_open_and_close_and_the_focus_survives_scrolling_away(page: Page) -> None:
    first, second = f"s-{1:016x}", f"s-{2:016x}"
    page.locator(f"#{first}").focus()
    page.keyboard.press("ArrowDown")
    assert focused(page) == second
    page.keyboard.press("ArrowLeft")
    expect(page.locator(f"#{second}")).to_have_attribute("aria-expanded", "false")
    assert page.locator("#waterfall").get_attribute("aria-rowcount") == str(COUNT - 9)
    page.keyboard.press("ArrowRight")
    expect(page.locator(f"#{second}")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("End")
    assert focused(page) == f"s-{COUNT:016x}"
    page.evaluate("window.scrollTo(0, 0)")
    eventually(lambda: focused(page) == "waterfall")
    page.keyboard.press("ArrowUp")
    assert focused(page) == f"s-{COUNT - 1:016x}"
    page.keyboard.press("Home")
    assert focused(page) == first


def test_rows_below_the_fold_of_a_phone_are_there_for_tab_and_for_paper(tab: Watched, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 400})
    tab.open(page.url)
    tab.rest()
    assert page.evaluate("document.getElementById('waterfall').getBoundingClientRect().top") > 700
    assert rows(page).count() >= 60
    assert page.locator('#waterfall [tabindex="0"]').get_attribute("id") == f"s-{1:016x}"


def test_n_and_p_walk_the_errors_and_put_them_into_the_address(page: Page) -> None:
    page.keyboard.press("n")
    page.wait_for_url("**span=*")
    first = page.url
    selected = page.locator('#waterfall [aria-selected="true"]')
    assert selected.get_attribute("data-status") == "error"
    page.keyboard.press("n")
    page.wait_for_url(lambda url: url != first)
    page.keyboard.press("p")
    page.wait_for_url(first)
    expect(page.locator("#span-panel .span-card")).to_have_attribute("data-status", "error")


def test_the_filter_shows_matches_with_what_is_above_them_and_stays_in_the_address(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("search_9")
    eventually(lambda: "find=search_9" in page.url)
    names = set(page.locator("#waterfall .waterfall-name > a").all_text_contents())
    assert "execute_tool search_9" in names
    assert "execute_tool search_3" not in names
    page.reload()
    expect(page.locator("#waterfall-find")).to_have_value("search_9")
    eventually(lambda: int(page.locator("#waterfall").get_attribute("aria-rowcount") or 0) < COUNT / 2)
    page.locator("#waterfall-find").fill("no such thing")
    expect(page.locator("#waterfall-none")).to_be_visible()
    page.locator("#waterfall-find").fill("")
    expect(page.locator("#waterfall")).to_have_attribute("aria-rowcount", str(COUNT))


def test_news_come_without_a_jump_and_keep_what_is_closed_and_selected(
    page: Page, console: Console, start_ns: int
) -> None:
    page.locator("#live-toggle[data-state=connected]").wait_for(timeout=10_000)
    second = f"s-{2:016x}"
    page.locator(f"#{second}").click()
    page.wait_for_url("**span=*")
    page.keyboard.press("ArrowLeft")
    before = page.locator(f"#{second}").bounding_box()
    post(console, [span(COUNT + 1, 1, "news", COUNT * 9, 1, start_ns, {})])
    eventually(lambda: page.locator("#waterfall").get_attribute("aria-rowcount") == str(COUNT + 1 - 9), timeout=10)
    assert page.locator(f"#{second}").bounding_box() == before
    assert page.locator(f"#{second}").get_attribute("aria-selected") == "true"
    assert page.locator(f"#{second}").get_attribute("aria-expanded") == "false"
    assert focused(page) == second


def test_whoever_reads_further_down_keeps_the_place_when_news_come_above(
    page: Page, console: Console, start_ns: int
) -> None:
    page.locator("#live-toggle[data-state=connected]").wait_for(timeout=10_000)
    page.evaluate("window.scrollTo(0, 20000)")
    middle = "() => document.elementFromPoint(400, 450).closest('.waterfall-row')?.id"
    eventually(lambda: bool(page.evaluate(middle)))
    row = page.locator(f"#{page.evaluate(middle)}")
    before = row.bounding_box()
    count = int(page.locator("#waterfall").get_attribute("aria-rowcount") or 0)
    post(console, [span(COUNT + 2, 1, "news above", 1, 1, start_ns, {})])
    eventually(lambda: page.locator("#waterfall").get_attribute("aria-rowcount") == str(count + 1), timeout=10)
    assert row.bounding_box() == before


def test_a_person_scores_a_span_corrects_the_score_and_takes_it_back(page: Page) -> None:
    page.locator(f"#s-{3:016x}").click()
    panel = page.locator("#span-panel .scores")
    panel.get_by_text("Add a score").click()
    panel.get_by_label("Name").fill("correctness")
    panel.get_by_label("Number").fill("0.5")
    panel.get_by_role("button", name="Save score").click()
    expect(panel.locator(".score-value")).to_have_text("0.50")
    panel.get_by_role("button", name="Edit").click()
    panel.get_by_label("Number").fill("1")
    panel.get_by_role("button", name="Save score").click()
    expect(panel.locator(".score-value")).to_have_text("1")
    panel.get_by_role("button", name="Undo").click()
    expect(panel.locator(".score")).to_have_count(0)


def test_the_open_panel_is_accessible(page: Page) -> None:
    page.locator(f"#s-{3:016x}").click()
    page.locator("#span-panel .span-card").wait_for()
    page.locator("#span-panel .scores summary").first.click()
    found = Axe().run(page, options={"preload": False}).response["violations"]
    assert {v["id"]: v["nodes"][0]["html"] for v in found if v["impact"] in {"serious", "critical"}} == {}
