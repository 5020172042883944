"""Names that agents make up survive an address."""

from urllib.parse import unquote

import pytest
from django.urls import resolve, reverse
from hypothesis import given
from hypothesis import strategies as st

from metrics.converters import NameConverter

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=60)
ODD = [
    "a/b",
    "..",
    ".",
    "~",
    "100%",
    "a%2Fb",
    "ü ñ",
    "x?y#z",
    "a\\b",
    "/",
    "a//b/",
    " ",
    "new\nline",
    "~YQ",
    "plain-1.2:3@x",
]


@given(NAMES)
def test_any_name_comes_back_from_its_address(name: str) -> None:
    written = NameConverter().to_url(name)
    assert NameConverter().to_python(written) == name
    assert written.strip("./") == written or name == written


@pytest.mark.parametrize("name", ODD)
def test_odd_names_resolve_to_themselves_and_nothing_in_them_is_a_path(name: str) -> None:
    for view, arguments in (("metrics:session", {"project": "fleet"}), ("metrics-api:session", {})):
        url = reverse(view, kwargs={**arguments, "session_id": name})
        assert "//" not in url
        assert "/../" not in url + "/"
        assert resolve(unquote(url)).kwargs["session_id"] == name


def test_what_is_typed_in_is_read_as_it_is() -> None:
    assert resolve("/p/fleet/sessions/user/7/chat/").kwargs["session_id"] == "user/7/chat"
    assert resolve("/api/v1/sessions/a/b").kwargs["session_id"] == "a/b"


@pytest.mark.parametrize("path", ["~!!", "~/w==", "~_w", "~AA"])
def test_a_damaged_name_is_no_name(path: str) -> None:
    with pytest.raises(ValueError, match=r"base64|NUL|decode"):
        NameConverter().to_python(path)
