"""Characters that nobody sees, made visible: they hide words, or turn them round (Unicode Technical Report 36).

Pure. For what people read before they decide; what is executed stays as it is.
"""

import json
import re
import unicodedata

# Directions and joiners (Cf), controls, separators of lines, fillers that are letters, blanks, selectors of variants.
# Ordinary space, tab and ends of lines are seen by what they do; a selector for emoji and the joiner behind one too.
_SUSPECT = re.compile(
    r"[^\x09\x0a\x0d\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u0370-\u03ff\u0400-\u052f\u4e00-\u9fff\u3041-\u30ff\uac00-\ud7a3]"
)
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_HIDDEN = frozenset({"Cf", "Cc", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
_JOINER, _EMOJI_SELECTOR = "\u200d", "\ufe0f"


def visible(text: str) -> str:
    """The text with every character that cannot be seen written as `⟨U+202E⟩`."""
    return _SUSPECT.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩" if _is_hidden(found) else found[0], text)


def unseen(text: str) -> list[str]:
    """The characters of a text that cannot be seen, each once, as `U+202E` in the order in which they come."""
    found = (one[0] for one in _SUSPECT.finditer(text) if _is_hidden(one))
    return [f"U+{ord(char):04X}" for char in dict.fromkeys(found)]


def visible_json(text: str) -> str:
    """The same for a JSON text, which stays the same JSON: what cannot be seen is written as `\\u202e`."""
    return _SUSPECT.sub(lambda found: json.dumps(found[0])[1:-1] if _is_hidden(found) else found[0], text)


def _is_hidden(found: re.Match[str]) -> bool:
    char, before = found[0], found.string[max(found.start() - 1, 0) : found.start()]
    if char == _JOINER and before and (before == _EMOJI_SELECTOR or unicodedata.category(before) in {"So", "Sk"}):
        return False
    chosen = 0xFE00 <= ord(char) <= 0xFE0E or 0xE0100 <= ord(char) <= 0xE01EF
    return chosen or char in _BLANK or unicodedata.category(char) in _HIDDEN
