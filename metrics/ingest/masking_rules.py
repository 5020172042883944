"""What personal data looks like: the rules of masking, each a linear-time expression and a check in Python.

Expressions work on UTF-8 bytes, as they stand in text and as they stand in JSON (where a line break is the two
characters `\\n`), so that the same one finds a number in a value and in the JSON of a whole span.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import re2

from metrics.ingest import checksums

SECRET, EMAIL, CARD, IBAN, NATIONAL, PHONE = "secret", "email", "card", "iban", "national_id", "phone"
# In order of precedence: where matches overlap, the first kind names the whole.
KINDS: tuple[str, ...] = (SECRET, EMAIL, CARD, IBAN, NATIONAL, PHONE)

# A number begins after what is no part of a word, a decimal or an id; an escape of JSON inside text is no word. What
# stands right behind a mask stood right behind the masked word, and is as little a number as before.
_ESCAPE = rb"\\[nrtbf]|\\u[0-9a-fA-F]{4}"
_LEFT = rb"(?:^|[^\w.\-\]]|[A-Za-z]\.|[G-Zg-z]-|" + _ESCAPE + rb")"
_SEPARATOR = rb"[^0-9A-Za-z+\]\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"

Span = tuple[int, int, str]
Find = Callable[[bytes, int, int], "Span | None"]


def options(*, utf8: bool) -> Any:
    """Options of google-re2: bytes as they are, or as UTF-8."""
    chosen = re2.Options()
    chosen.encoding = re2.Options.Encoding.UTF8 if utf8 else re2.Options.Encoding.LATIN1
    chosen.log_errors = False
    return chosen


@dataclass(frozen=True, slots=True)
class Rule:
    """One shape of personal data.

    `pattern` has one group, what is masked; `check` takes the text and the ends of the group, and gives the ends of
    what is really masked with the form that is the same for the same person, or None. `hint` finds, in the JSON of a
    text, at least all that `pattern` finds in the text; it is the pattern itself where matches have nothing to escape.
    `whole_runs`: nothing begins inside what `check` refused.
    """

    kind: str
    pattern: bytes
    check: Find
    hint: bytes = b""
    whole_runs: bool = False


def _digits(text: bytes) -> str:
    return "".join(char for char in text.decode("latin-1") if char.isdigit())


def _letters_and_digits(text: bytes) -> str:
    return "".join(char for char in text.decode("latin-1") if char.isalnum()).upper()


def _runs_on(data: bytes, end: int) -> bool:
    """Whether a number goes on as a decimal or as part of an id such as a UUID."""
    following = data[end : end + 2]
    return len(following) == 2 and (
        (following[:1] == b"-" and following[1:].isalnum()) or (following[:1] == b"." and following[1:].isdigit())
    )


def _number(valid: Callable[[str], bool], read: Callable[[bytes], str] = _digits) -> Find:
    def check(data: bytes, start: int, end: int) -> Span | None:
        bare = read(data[start:end])
        return None if _runs_on(data, end) or not valid(bare) else (start, end, bare)

    return check


def _named_number(data: bytes, start: int, end: int) -> Span | None:
    bare = _digits(data[start:end])
    found = any(valid(bare) for valid in checksums.NAMED_NUMBERS.get(len(bare), ()))
    return (start, end, bare) if found else None


def _iban(data: bytes, start: int, end: int) -> Span | None:
    left = checksums.IBAN_LENGTHS.get(data[start : start + 2].decode("latin-1"), 0)
    stop = start
    while stop < end and left:
        left -= data[stop] != 0x20
        stop += 1
    bare = _letters_and_digits(data[start:stop])
    ended = stop >= len(data) or not data[stop : stop + 1].isalnum()
    return (start, stop, bare) if ended and checksums.iban(bare) else None


# What follows an @ in the names of files and packages rather than in addresses.
_FILE_ENDINGS = (
    ".css",
    ".gif",
    ".html",
    ".jpeg",
    ".jpg",
    ".js",
    ".json",
    ".jsx",
    ".map",
    ".png",
    ".svg",
    ".ts",
    ".tsx",
)
_HOST = re.compile(r"(?:\w[\w\-]*\.)+(?:xn--[\w\-]*\w|[^\W\d_]{2,})(?![^\W_])")
_MOST_LOCAL_CHARS = 128


def _email(data: bytes, start: int, end: int) -> Span | None:
    before, _, after = data[start:end].rpartition(b"@")
    local = before[-_MOST_LOCAL_CHARS:].decode("utf-8", "replace")
    name = re.search(r"(?:[^\W]|[.+\-%'])*\Z", local)
    kept = (name.group() if name else "").lstrip(".'-%")
    begin = start + len(before) - len(kept.encode())
    if data[begin - 1 : begin] == b"\\" and kept:
        # Of an escape in JSON: \nana@... and \u003cana@... begin behind the escape.
        escape = 5 if re.match(r"u[0-9a-fA-F]{4}", kept) else 1 if kept[0] in "nrtbf" else 0
        kept, begin = kept[escape:], begin + escape
    domain = _HOST.match(after.decode("utf-8", "replace"))
    host = domain.group() if domain else ""
    if not host or not any(map(str.isalnum, kept)) or kept == "git" or host.lower().endswith(_FILE_ENDINGS):
        return None
    stop = start + len(before) + 1 + len(host.encode())
    return begin, stop, f"{kept}@{host}".lower()


# Calling codes (ITU-T E.164) by their first digits; all others of two or three digits that are not given out fail.
_CALLING_CODES = re.compile(
    r"(?:1[2-9]|7|2[07]|2[1-6]\d|29[0-9]|3[0-469]|3[578]\d|4[013-9]|42\d|5[1-8]|5[09]\d|6[0-6]|6[7-9]\d|8[1246]|"
    r"8[058]\d|9[0-58]|9[679]\d)"
)


_DECIMAL = re.compile(rb"\+\d+\.\d+")


def _international(data: bytes, start: int, end: int) -> Span | None:
    bare = _digits(data[start + 6 : end] if data[start : start + 1] == b"\\" else data[start:end])
    if _DECIMAL.fullmatch(data, start, end):
        return None
    plausible = _CALLING_CODES.match(bare) is not None and (len(bare) == 11 or bare[0] != "1") and len(bare) >= 8
    return (start, end, bare) if plausible and not _runs_on(data, end) else None


_DATE_OR_ZIP = re.compile(rb"\d\d[./-]\d\d[./-]\d{4}|\d{5}-\d{4}\Z")
_NETWORK = re.compile(rb"\d{1,3}(?:\.\d{1,3}){3}")


def _national_call(data: bytes, start: int, end: int) -> Span | None:
    """A number with the 0 of a trunk call in front: grouped, and not a date."""
    text = data[start:end]
    groups = re.split(rb"[ ./()\-]+", text)
    pairs = [len(group) for group in groups] == [2] * 5
    grouped = 2 <= len(groups) <= 5 and 3 <= len(groups[0]) <= 5 and min(map(len, groups)) >= 2 and b"." not in text
    if not (pairs or grouped) or _DATE_OR_ZIP.match(text) or _runs_on(data, end) or data[end : end + 1] == b":":
        return None
    return start, end, _digits(text)


def _phone(data: bytes, start: int, end: int) -> Span | None:
    address = _NETWORK.fullmatch(data, start, end) or b".." in data[start:end]
    return None if address else (start, end, _digits(data[start:end]))


def _key(data: bytes, start: int, end: int) -> Span | None:
    text = data[start:end].decode("latin-1")
    return (start, end, text) if any(char.isdigit() for char in text) else None


# Which of them no program and no sentence says, though they have no digit: random letters.
_RANDOM = re.compile(rb"[srp]k_live_|[srp]k_test_[A-Za-z0-9]{16}|[A-Za-z0-9]{20}|[A-Z]{16}")


def _service_key(data: bytes, start: int, end: int) -> Span | None:
    found = _RANDOM.search(data, start, end)
    return (start, end, data[start:end].decode("latin-1")) if found else _key(data, start, end)


def _as_it_is(data: bytes, start: int, end: int) -> Span | None:
    return start, end, data[start:end].decode("utf-8", "replace")


def _between_characters(data: bytes, place: int) -> int:
    """The place or the one before it that does not cut a character in two."""
    place = min(place, len(data))
    while place < len(data) and data[place] & 0xC0 == 0x80:
        place -= 1
    return place


_PEM_END = b"-----END"
_MOST_PEM_BYTES = 16_384


def _pem(data: bytes, start: int, end: int) -> Span | None:
    """The key up to its end line, or what there is of it where text was cut off."""
    marker = data.find(_PEM_END, end, end + _MOST_PEM_BYTES)
    stop = _between_characters(data, end + _MOST_PEM_BYTES)
    if marker >= 0:
        closing = data.find(b"-----", marker + len(_PEM_END), marker + 80)
        stop = closing + 5 if closing >= 0 else marker
    return start, stop, data[start:stop].decode("utf-8", "replace")


# Members, settings and headers whose value is secret whatever it looks like.
SECRET_NAMES = (
    rb"(?:passwor[dt]|passwd|passphrase|pwd|secret|api[_\-]?key|(?:access|private|secret|signing|account)[_\-]?key|token|"
    rb"authorization|cookie)"
)
_MOST_SECRET_BYTES = 4_096
_BARE_VALUE = re.compile(rb"[^\s\"'\\,;&<>(){}\[\]`|]{4,}+(?![(\[{])")
# The name of something in a program, rather than a secret: `password=self.password`.
_PROGRAM_NAME = re.compile(rb"[A-Za-z_]+\Z|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\Z")
_OPENS = re.compile(rb"\\*[\"']\Z")
# What stands where a secret was, or where one belongs.
PLACEHOLDER = re.compile(
    r"(?i)\**\Z|x+\Z|\[(?:redacted|filtered|masked|scrubbed)[^\]]*\]\Z|<[^<>]*>\Z|\$(?:\{\w+\}|(?-i:[A-Z_][A-Z0-9_]*))\Z|[\w\-]{0,12}\.{3}\Z|null\Z|none\Z|true\Z|false\Z"
)


def _assigned(data: bytes, start: int, end: int) -> Span | None:
    """The value behind `password=`, `"api_key": "` or the like. The group is the mark and the opening quote."""
    mark = data[start:end]
    quote = mark.lstrip(b":=> ")
    value = _quoted(data, end, quote) if quote else _bare(data, start, end)
    text = value.decode("utf-8", "replace")
    name = data[max(start - 24, 0) : start].rstrip(b"\"'\\ ").lower()
    if not text or PLACEHOLDER.match(text) or (name.endswith((b"token", b"cookie")) and not like_token(text)):
        return None
    return end, end + len(value), text


def _quoted(data: bytes, start: int, quote: bytes) -> bytes:
    """What follows up to the same quote, or to the end where text was cut off; nothing for what is no value."""
    if not _OPENS.match(quote):
        return b""  # '' is empty
    limit = _between_characters(data, start + _MOST_SECRET_BYTES)
    stop = data.find(quote, start, limit)
    while stop > start and data[stop - 1 : stop] == b"\\":
        stop = data.find(quote, stop + 1, limit)
    value = data[start : limit if stop < 0 else stop]
    # In "Password: ", prompt) the quote closed what had begun before.
    return b"" if b"\n" in value or value[:1] in {b",", b")", b" ", b";", b"]", b"}"} else value


def _bare(data: bytes, start: int, end: int) -> bytes:
    """What follows without quotes: up to a space or a sign, and neither a word of a sentence nor of a program."""
    found = _BARE_VALUE.match(data, end, _between_characters(data, end + _MOST_SECRET_BYTES))
    value = found.group() if found else b""
    if b"=" not in data[start:end]:
        return value if len(value) >= 6 and re.search(rb"[0-9!#$%^*]", value) else b""
    in_address = data[end + len(value) : end + len(value) + 1] == b"&" or data[max(start - 1, 0) : start].isupper()
    return b"" if _PROGRAM_NAME.match(value) and not in_address else value


def like_token(text: str) -> bool:
    """Whether a value called token is one, rather than a word that a model wrote."""
    return len(text) >= 16 and not set(text.strip()) & {" ", "["}


_KEYS = (
    rb"sk-[\w\-]{16,}|[srp]k_(?:live|test)_\w{10,}|whsec_\w{16,}|A(?:KIA|SIA)[A-Z0-9]{16}|gh[pousr]_\w{20,}|"
    rb"github_pat_\w{20,}|xox[a-z]-[\w\-]{10,}|xapp-[\w\-]{20,}|AIza[\w\-]{30,}|ya29\.[\w\-]{20,}|hrp?_[\w\-]{30,}|"
    rb"glpat-[\w\-]{16,}|npm_\w{30,}|pypi-[\w\-]{40,}|hf_[A-Za-z0-9]{20,}|gsk_\w{30,}|SG\.[\w\-]{16,}\.[\w\-]{16,}|"
    rb"do[opr]_v1_\w{40,}|shp(?:at|ss|ca|pa)_\w{32}|r8_\w{30,}|lsv2_(?:pt|sk)_\w{30,}|xai-\w{30,}|tvly-[\w\-]{20,}|"
    rb"EAA[A-Za-z0-9]{60,}|sq0[a-z]{3}-[\w\-]{22,}|dckr_pat_[\w\-]{20,}|rubygems_\w{40,}|lin_api_\w{30,}|nvapi-[\w\-]{40,}|"
    rb"pplx-\w{30,}|hvs\.[\w\-]{24,}|GOCSPX-[\w\-]{20,}|sntrys_[\w\-+/=]{40,}|dapi[0-9a-f]{32}|key-[0-9a-f]{32}|"
    rb"SK[0-9a-f]{32}|\d{8,10}:AA[\w\-]{33}|eyJ[\w\-]{8,}\.[\w\-]{8,}\.[\w\-]*"
)
_PHONE_NAMES = rb"(?:(?i:phone|telefon|mobile|mobil|handy|whatsapp|msisdn|fax)[a-zA-Z_ ]{0,12}|(?i:[^a-z]tel))"
_NUMBER_NAMES = rb"(?i:ssn|social.security|steuer-?id|idnr|aadhaar|aadhar|bsn)[a-zA-Z_ ]{0,12}"
# Behind a member of such a name a bare number is personal.
NAMES_BEFORE_NUMBERS = _PHONE_NAMES + b"|" + _NUMBER_NAMES
_PHONE_DIGITS = rb"(\+?\(?\d(?:[ ./()\-]{0,2}\d){6,14})\b"


def _named(kind: str, names: bytes, number: bytes, check: Find) -> Rule:
    """A number behind a name; in JSON each character between them may have become two."""
    between = rb"(?:" + _SEPARATOR + rb"|\\[nrt])"
    return Rule(kind, names + between + rb"{1,12}" + number, check, names + between + rb"{1,24}" + number)


_DOMAIN = rb"@[A-Za-z0-9\x80-\xff][A-Za-z0-9\-\x80-\xff]*"
_AUTHORIZATION = rb"(?i)authorization[\"'\\]{0,8} {0,4}[:=] {0,4}[\"'\\]{0,8}(?:basic|bearer|token) {1,4}"
_AMERICAN = rb"((?:1[-. ])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-.])[2-9]\d{2}[-. ]\d{4})\b"

RULES: tuple[Rule, ...] = (
    Rule(SECRET, rb"(?:^|[^\w\-\]]|" + _ESCAPE + rb")(" + _KEYS + rb")", _service_key),
    Rule(SECRET, rb"(?i)bearer {1,4}([A-Za-z0-9._~+/=\-]{16,})", _key),
    Rule(
        SECRET, _AUTHORIZATION + rb"([\w.~+/=\-]{6,})", _as_it_is, rb"(?i)authorization[\"'\\]{0,16} {0,4}[:=]",
    ),
    Rule(SECRET, rb"(?i)hooks\.slack\.com/[a-z]{1,20}/([A-Za-z0-9/]{20,})", _as_it_is),
    Rule(SECRET, rb"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----)", _pem),
    Rule(SECRET, rb"://([^\s/:@\"'\\<>\[\]{}\x00-\x1f]{0,100}:[^\s/@\"'\\<>\x00-\x1f]{1,200})@", _as_it_is),
    Rule(
        SECRET, rb"(?i)" + SECRET_NAMES + rb"[\"'\\]{0,8} {0,4}((?::|=>?) {0,4}[\"'\\]{0,8})", _assigned,
        rb"(?i)" + SECRET_NAMES + rb"[\"'\\]{0,16} {0,4}[:=]",
    ),
    Rule(
        EMAIL, rb"([A-Za-z0-9_.+\-%'\x80-\xff]+" + _DOMAIN + rb"(?:\.[A-Za-z0-9\-\x80-\xff]+)+)", _email,
        rb"[A-Za-z0-9_.+\-%'\x80-\xff]" + _DOMAIN + rb"\.[A-Za-z0-9\-\x80-\xff]", whole_runs=True,
    ),
    Rule(EMAIL, rb"([A-Za-z0-9_.+\-]+%40[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+)", _as_it_is),
    Rule(CARD, _LEFT + rb"([2-6]\d{12,18})\b", _number(checksums.card)),
    Rule(CARD, _LEFT + rb"([2-6]\d{3}(?:[ -]\d{4}){3}(?:[ -]\d{1,3})?)\b", _number(checksums.card)),
    Rule(CARD, _LEFT + rb"(3\d{3}[ -]\d{6}[ -]\d{4,5})\b", _number(checksums.card)),
    Rule(IBAN, _LEFT + rb"([A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30})", _iban),
    Rule(NATIONAL, _LEFT + rb"(\d{3}-\d{2}-\d{4})\b", _number(checksums.ssn)),
    Rule(NATIONAL, _LEFT + rb"([A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D])\b", _number(checksums.nino, _letters_and_digits)),
    Rule(NATIONAL, _LEFT + rb"([1-9]\d ?\d{3} ?\d{3} ?\d{3})\b", _number(checksums.steuer_id)),
    Rule(
        NATIONAL, _LEFT + rb"([12] ?\d{2} ?\d{2} ?\d[0-9AB] ?\d{3} ?\d{3} ?\d{2})\b",
        _number(checksums.insee, _letters_and_digits),
    ),
    Rule(NATIONAL, _LEFT + rb"((?:\d{8}|[XYZ]-?\d{7})-?[A-Z])\b", _number(checksums.dni, _letters_and_digits)),
    Rule(
        NATIONAL, _LEFT + rb"([A-Z]{6}[0-9L-NP-V]{2}[A-EHLMPRST][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z])\b",
        _number(checksums.codice_fiscale, _letters_and_digits),
    ),
    Rule(NATIONAL, _LEFT + rb"(756[. ]?\d{4}[. ]?\d{4}[. ]?\d{2})\b", _number(checksums.ahv)),
    Rule(NATIONAL, _LEFT + rb"([2-9]\d{3}[ -]\d{4}[ -]\d{4})\b", _number(checksums.aadhaar)),
    Rule(NATIONAL, _LEFT + rb"(\d{3}\.\d{3}\.\d{3}-\d{2})\b", _number(checksums.cpf)),
    Rule(NATIONAL, _LEFT + rb"((?:19|20)?\d{6}[-+]\d{4})\b", _number(checksums.personnummer)),
    _named(NATIONAL, _NUMBER_NAMES, rb"(\d(?:[ -]?\d){8,11})\b", _named_number),
    Rule(
        PHONE, rb"(?:^|[^\w+\]]|" + _ESCAPE + rb")((?:\+|\\u002[bB])[1-9](?:[ .\-/()]{0,3}\d){6,14})\b", _international,
    ),
    Rule(PHONE, _LEFT + _AMERICAN, _number(str.isdigit)),
    Rule(PHONE, _LEFT + rb"(0[1-9](?:[ ./()\-]{0,2}\d){7,10})\b", _national_call),
    _named(PHONE, _PHONE_NAMES, _PHONE_DIGITS, _phone),
)  # fmt: skip
