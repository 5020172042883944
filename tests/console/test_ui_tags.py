"""The tags and filters that format everything people see, and the components built on them."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import lucide
import pytest
from django import forms
from django.conf import settings
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import timezone

from console.lib import clock, jsontree
from console.styleguide import sample
from console.templatetags import ui

TEMPLATES = Path(settings.BASE_DIR) / "templates"
NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
SECOND = 1_000_000_000


def render(source: str, **context: Any) -> str:
    return Template(source).render(Context(context))


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return NOW


@pytest.mark.parametrize(
    ("ns", "shown"),
    [
        (None, "–"),
        (0, "0 µs"),
        (850_000, "850 µs"),
        (1_500_000, "1.5 ms"),
        (340_000_000, "340 ms"),
        (999_999_999, "999 ms"),
        (1_240_000_000, "1.24 s"),
        (59_990_000_000, "59.9 s"),
        (125 * SECOND, "2 m 05 s"),
        (12_000 * SECOND, "3 h 20 m"),
        (187_200 * SECOND, "2 d 4 h"),
        (-2 * SECOND, "−2.00 s"),
    ],
)
def test_a_duration_keeps_three_digits_in_the_unit_that_fits(ns: int | None, shown: str) -> None:
    assert ui.duration(ns) == shown


def test_hours_do_not_round_minutes_away() -> None:
    assert [ui.hours(value) for value in (None, 0, 0.001, 0.05, 2.5)] == ["–", "0 s", "3.60 s", "3 m 00 s", "2 h 30 m"]


@pytest.mark.parametrize(
    ("nanos", "shown"),
    [
        (None, "–"),
        (0, "$0.00"),
        (1, "$0.000000001"),
        (90_000, "$0.00009"),
        (12_345, "$0.0000123"),
        (4_200_000, "$0.0042"),
        (4_235_678, "$0.00424"),
        (9_999_999, "$0.0100"),
        (-15_000, "−$0.000015"),
        (12_340_000, "$0.0123"),
        (12_402_300_000, "$12.40"),
        (Decimal("1234567000000"), "$1,234.57"),
        (25_000_000_000_000, "$25,000"),
        (-1_500_000_000, "−$1.50"),
    ],
)
def test_money_is_never_rounded_to_nothing(nanos: int | Decimal | None, shown: str) -> None:
    assert ui.money(nanos) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(None, "–"), (0, "0"), (9_999, "9,999"), (12_431, "12.4k"), (20_000, "20k"), (3_100_000, "3.1M")],
)
def test_tokens_are_short_only_when_they_are_many(count: int | None, shown: str) -> None:
    assert ui.tokens(count) == shown


@pytest.mark.parametrize(
    ("ratio", "shown"), [(None, "–"), (0, "0%"), (0.0004, "<0.1%"), (0.034, "3.4%"), (0.125, "12%"), (1, "100%")]
)
def test_a_share_that_is_not_nothing_is_never_zero_percent(ratio: float | None, shown: str) -> None:
    assert ui.percent(ratio) == shown


@pytest.mark.parametrize(
    ("distance", "shown"),
    [
        (timedelta(seconds=2), "just now"),
        (timedelta(seconds=42), "42 s ago"),
        (timedelta(minutes=3, seconds=50), "3 min ago"),
        (timedelta(hours=26), "26 h ago"),
        (timedelta(days=3), "3 d ago"),
        (-timedelta(minutes=3, seconds=50), "in 3 min"),
        (-timedelta(hours=1, minutes=59, seconds=40), "in 1 h 59 min"),
        (-timedelta(hours=2), "in 2 h"),
        (-timedelta(hours=26, minutes=5), "in 26 h 5 min"),
        (-timedelta(days=3, hours=2, minutes=9), "in 3 d 2 h"),
        (-timedelta(days=3), "in 3 d"),
        (timedelta(minutes=-4, seconds=-1), "in 4 min"),
    ],
)
def test_a_time_is_shown_in_relation_to_now(now: datetime, distance: timedelta, shown: str) -> None:
    assert f">{shown}</time>" in ui.ago(now - distance)


def test_the_exact_time_is_in_the_tooltip_in_the_readers_zone(now: datetime) -> None:
    with timezone.override(ZoneInfo("Europe/Vienna")):
        html = ui.ago(now - timedelta(minutes=3))
    assert 'title="20 Nov 2026, 12:57:00 CET"' in html
    assert 'datetime="2026-11-20T11:57:00.000Z"' in html


def test_nanoseconds_and_datetimes_give_the_same_time(now: datetime) -> None:
    assert ui.ago(int(now.timestamp()) * SECOND) == ui.ago(now)
    assert ui.ago(None) == "–"


def test_time_left_counts_down_to_words(now: datetime) -> None:
    assert ui.time_left(now + timedelta(minutes=3, seconds=5)) == "3 m 05 s left"
    assert ui.time_left(now - timedelta(seconds=1)) == "time is up"
    assert ui.share_left(now + timedelta(minutes=1), now - timedelta(minutes=3)) == 25
    assert ui.share_left(now - timedelta(minutes=1), now - timedelta(minutes=3)) == 0


def test_an_icon_is_silent_unless_it_has_a_meaning_of_its_own() -> None:
    assert 'aria-hidden="true"' in ui.icon("check")
    assert 'aria-label="Done"' in ui.icon("check", label="Done")
    assert "aria-hidden" not in ui.icon("check", label="Done")


def test_an_icons_label_cannot_break_out_of_its_attribute() -> None:
    assert "<script>" not in ui.icon("check", label='"><script>')


def test_every_icon_named_in_a_template_exists() -> None:
    with ZipFile(Path(lucide.__file__).parent / "lucide.zip") as archive:
        known = {name.removesuffix(".svg") for name in archive.namelist()}
    named = {
        (path.name, name)
        for path in TEMPLATES.rglob("*.html")
        for name in re.findall(r"""(?:\{% icon |\sicon=|c-icon name=)["']([a-z0-9-]+)["']""", path.read_text("utf-8"))
    }
    assert len(named) > 50
    assert {entry for entry in named if entry[1] not in known} == set()
    assert set(ui.KIND_ICONS.values()) <= known


def test_a_json_tree_escapes_what_an_agent_sent() -> None:
    html = ui.json_tree({"<b>": "<script>alert(1)</script>"})
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html


def test_a_json_tree_says_how_much_it_leaves_out() -> None:
    html = ui.json_tree(list(range(jsontree.MAX_CHILDREN + 7)))
    assert html.count("<li>") == jsontree.MAX_CHILDREN
    assert "7 more" in html


def test_a_json_tree_survives_any_depth() -> None:
    value: Any = "bottom"
    for _level in range(500):
        value = [value]
    assert "bottom" not in ui.json_tree(value)


def test_a_json_tree_opens_only_the_levels_asked_for() -> None:
    html = ui.json_tree({"a": {"b": {"c": 1}}}, open_levels=1)
    assert html.count("<details open>") == 1
    assert html.count("<details") == 3


def test_json_words_are_not_mistaken_for_numbers() -> None:
    assert "json-word" in jsontree.leaf(True)
    assert ">null<" in jsontree.leaf(None)
    assert "json-number" in jsontree.leaf(1.5)


def test_a_sparkline_needs_two_points_and_stays_in_its_box() -> None:
    assert ui.sparkline([1]) == ""
    heights = [
        float(pair.split(",")[1])
        for pair in re.findall(r'polyline[^>]*points="([^"]+)"', ui.sparkline([0, 5, None, 9]))[0].split()
    ]
    assert len(heights) == 4
    assert min(heights) >= 0
    assert max(heights) <= 28


def test_people_are_recognised_by_two_letters() -> None:
    assert [ui.initials(name) for name in ("Ana Bell", "ana.bell@example.com", "cher", "", None)] == [
        "AB",
        "AB",
        "CH",
        "?",
        "?",
    ]


class AddressForm(forms.Form):
    address = forms.EmailField(help_text="Where the invitation goes.")
    note = forms.CharField(required=False)


def test_a_field_ties_its_help_and_errors_to_its_control() -> None:
    html = render('{% cotton field :field="form.address" / %}', form=AddressForm({"address": "nobody"}))
    described = re.search(r'aria-describedby="([^"]+)"', html)
    assert described is not None
    for name in described[1].split():
        assert f'id="{name}"' in html
    assert 'aria-invalid="true"' in html
    assert "(optional)" in render('{% cotton field :field="form.note" / %}', form=AddressForm())


def test_component_attributes_escape_what_people_typed() -> None:
    html = render(
        '{% cotton button data-copy-text="{{ text }}" title="{{ text }}" %}{{ text }}{% endcotton %}',
        text='"><script>x</script>',
    )
    assert "<script>" not in html
    assert html.count("&lt;script&gt;") == 3


def test_the_gallery_shows_every_component() -> None:
    # Directly, or inside a component that is shown.
    places = [
        *TEMPLATES.glob("_styleguide/*.html"),
        *TEMPLATES.glob("_components/*.html"),
        TEMPLATES / "styleguide.html",
    ]
    shown = "".join(path.read_text("utf-8") for path in [*places, TEMPLATES / "styleguide.html"])
    components = {path.stem.replace("_", "-") for path in TEMPLATES.glob("_components/*.html")}
    assert {name for name in components if not re.search(rf"<c-{name}[ />]", shown)} == set()


def test_the_gallery_renders() -> None:
    request = RequestFactory().get("/styleguide/")
    html = render_to_string("styleguide.html", {"sample": sample()}, request=request)
    assert "Needs information" in html
    assert "$0.0042" in html
    assert " style=" not in html


@pytest.mark.parametrize("code", ["400", "403", "404", "500"])
def test_error_pages_render_without_any_context(code: str) -> None:
    assert f'<p class="entrance-code">{code}</p>' in render_to_string(f"{code}.html")
