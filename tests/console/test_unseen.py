"""What cannot be seen is written out before somebody decides on it."""

import json

import pytest

from console.lib.jsontree import JsonTree
from console.lib.unseen import unseen, visible, visible_json


@pytest.mark.parametrize("code", [0x202E, 0x2066, 0x200B, 0x200D, 0xFEFF, 0xAD, 0x3164, 0xA0, 0xE0041, 0xFE01, 0x1B])
def test_a_character_that_nobody_sees_is_written_out(code: int) -> None:
    assert visible(f"pay{chr(code)}me") == f"pay⟨U+{code:04X}⟩me"


@pytest.mark.parametrize("text", ["Zoë pays 12 €\n\tnow", "日本語", "שלום", "नमस्ते", "👩‍💻 ❤️", "", "naïve – “quoted”"])
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert visible(text) == visible_json(text) == text


def test_json_stays_the_same_json() -> None:
    value = {"to\u202e": "a\u200bb\U000e0041", "n": 1}
    text = visible_json(json.dumps(value, ensure_ascii=False))
    assert text.isascii()
    assert json.loads(text) == value
    assert "to⟨U+202E⟩" in JsonTree(2).draw(value)
    assert "a⟨U+200B⟩b⟨U+E0041⟩" in JsonTree(2).draw(value)


def test_the_characters_are_listed_once_each() -> None:
    assert unseen("a\u202eb\u200bc\u202e\n") == ["U+202E", "U+200B"]
    assert unseen("Zoë ❤️") == []
