"""Somebody is invited, joins in a browser of their own, and is let out again."""

from playwright.sync_api import Browser, expect

from tests.e2e.conftest import Watched, open_tab
from tests.e2e.running import Console

PASSWORD = "a long enough sentence"


def test_an_invited_person_joins_and_loses_the_open_window_when_removed(
    tab: Watched, browser: Browser, console: Console
) -> None:
    members = f"{console.url}/p/default/settings/members/"
    tab.page.goto(members)
    tab.page.get_by_label("E-mail address").fill("nora@example.org")
    tab.page.get_by_role("button", name="Make a link").click()
    link = tab.page.locator("#link-shown code").inner_text().strip()

    context = browser.new_context(timezone_id="Asia/Tokyo")
    nora = open_tab(context)
    nora.page.goto(link)
    nora.page.get_by_label("Your name").fill("Nora New")
    nora.page.get_by_label("Password", exact=True).fill(PASSWORD)
    nora.page.get_by_label("Password again").fill(PASSWORD)
    nora.page.get_by_role("button", name="Make my account").click()
    nora.page.wait_for_url(f"{console.url}/p/default/")
    nora.page.goto(f"{console.url}/account/")
    expect(nora.page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    nora.page.goto(f"{console.url}/p/default/queue/")
    expect(nora.page.get_by_role("link", name="Settings")).to_have_count(0)
    expect(nora.page.locator("#live-toggle")).to_have_attribute("data-state", "connected")
    assert nora.faults == []

    tab.page.goto(members)
    tab.page.get_by_role("link", name="Remove nora@example.org").click()
    tab.page.get_by_role("button", name="Remove").click()
    expect(nora.page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    context.close()


def test_the_bell_rings_in_the_open_window_of_whoever_invited(tab: Watched, browser: Browser, console: Console) -> None:
    tab.page.goto(f"{console.url}/p/default/settings/members/")
    tab.page.get_by_label("E-mail address").fill("otto@example.org")
    tab.page.get_by_role("button", name="Make a link").click()
    link = tab.page.locator("#link-shown code").inner_text().strip()
    tab.page.goto(f"{console.url}/account/")
    expect(tab.page.locator("#live-toggle")).to_have_attribute("data-state", "connected")

    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.get_by_label("Your name").fill("Otto")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    page.wait_for_url(f"{console.url}/p/default/")
    context.close()

    expect(tab.page.locator(".toast")).to_contain_text("Otto joined Default")
    expect(tab.page.locator("#bell-count")).not_to_have_text("")
    tab.page.locator("#bell > summary").click()
    tab.page.get_by_role("link", name="Unread: Otto joined Default").click()
    tab.page.wait_for_url(f"{console.url}/p/default/settings/members/")
