"""Descriptions of agents become HTML that cannot do anything."""

from __future__ import annotations

import re

import pytest

from reviews.markdown import render


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1))",
        "![x](https://evil.example/pixel.png)",
        "<a href='https://evil.example'>here</a>",
        "[click](https://evil.example 'title\" onmouseover=\"x')",
        "<https://evil.example>",
        "```html\n<form action=https://evil.example>\n```",
    ],
)
def test_no_element_that_loads_links_or_runs_survives(text: str) -> None:
    elements = re.findall(r"<[^>]*>", render(text))
    assert elements
    assert set(elements) <= {"<p>", "</p>", "<pre>", "</pre>", "<code>", "</code>"}


def test_a_link_is_shown_as_its_words_and_its_address() -> None:
    assert render("[our wiki](https://evil.example/x)") == "<p>our wiki (https://evil.example/x)</p>\n"


def test_an_address_that_is_its_own_text_is_shown_once() -> None:
    assert render("<https://a.example/b>") == "<p>https://a.example/b</p>\n"


def test_headings_start_below_those_of_the_page() -> None:
    assert render("# Refund") == "<h4>Refund</h4>\n"


def test_lists_tables_and_emphasis_are_kept() -> None:
    html = render("**Now**\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    assert "<strong>Now</strong>" in html
    assert "<li>one</li>" in html
    assert "<td>2</td>" in html
