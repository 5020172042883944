"""What is masked and what must not be, in text as people and programs write it."""

import time

import orjson
import pytest

from metrics.ingest.masking import Masker, Plan, Policy
from metrics.ingest.masking_rules import KINDS
from metrics.ingest.rows import Value

REDACTING = Plan(Policy(key=b"one"))
NAMING = Plan(Policy(key=b"one", pseudonyms=True))

MASKED = [
    ("mail ana.b+x@example.com now", "mail [email] now"),
    ("“jörg@münchen.de”", "“[email]”"),
    ("<ana@example.co.uk>, bob@example.org.", "<[email]>, [email]."),
    ("call +49 170 1234567 or +1 (415) 555-2671", "call [phone] or [phone]"),
    ("(415) 555-2671, 415-555-2671, 415.555.2671", "[phone], [phone], [phone]"),
    ("030/1234567 oder 0170 1234567", "[phone] oder [phone]"),
    ("06 12 34 56 78 and 06.12.34.56.78", "[phone] and [phone]"),
    ("020 7946 0958", "[phone]"),
    ("phone: 0612345678, Tel. 5551234", "phone: [phone], Tel. [phone]"),
    ("card 4111 1111 1111 1111, 4111111111111111, 4111-1111-1111-1111.", "card [card], [card], [card]."),
    ("3782 822463 10005 and 378282246310005", "[card] and [card]"),
    ("IBAN DE89 3704 0044 0532 0130 00 AND MORE", "IBAN [iban] AND MORE"),
    ("GB29NWBK60161331926819", "[iban]"),
    ("123-45-6789", "[national_id]"),
    ("AB 12 34 56 C", "[national_id]"),
    ("86 095 742 719 and 86095742719", "[national_id] and [national_id]"),
    ("2 55 08 14 168 025 38", "[national_id]"),
    ("12345678Z, X1234567L", "[national_id], [national_id]"),
    ("RSSMRA85T10A562S", "[national_id]"),
    ("756.9217.0769.85", "[national_id]"),
    ("2341 2341 2346", "[national_id]"),
    ("529.982.247-25", "[national_id]"),
    ("811218-9876", "[national_id]"),
    ("SSN: 123456789; aadhaar no 234123412346", "SSN: [national_id]; aadhaar no [national_id]"),
    ("SK" + "0123456789abcdef" * 2, "[secret]"),
    ("bot 123456789:AA" + "abcDEF123-_" * 3 + " says", "bot [secret] says"),
    ("https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXX1234", "https://hooks.slack.com/services/[secret]"),
    ("AccountName=a;AccountKey=Eby8vdM02xNO1qq==;Suffix=x", "AccountName=a;AccountKey=[secret];Suffix=x"),
    ("password=$ecret1 and secret=$ecret", "password=[secret] and secret=[secret]"),
    ("?to=ana.lopez%40example.com&x=1", "?to=[email]&x=1"),
    ("key sk-ant-api03-AbCdEf1234567890abcdef!", "key [secret]!"),
    ("AKIAIOSFODNN7EXAMPLE", "[secret]"),
    ("ghp_0123456789abcdefABCDEF0123456789abcd", "[secret]"),
    ("xoxb-123456789012-abcdefABCDEF", "[secret]"),
    ("sk_live_" + "abCDefGHij" * 2, "[secret]"),
    ("STRIPE=rk_live_" + "abcdefghij" * 2 + " sk_test_" + "abCDefGHij" * 2, "STRIPE=[secret] [secret]"),
    ("token hf_" + "abCDefGHijKLmnOPqrSTuvWXyzABcdEFgh" + ".", "token [secret]."),
    ("pypi-AgEIcHlwaS5vcmc" + "aB3_" * 12, "[secret]"),
    ("dop_v1_" + "0123456789abcdef" * 4, "[secret]"),
    ("SG." + "abCDefGHijKLmnOPqrSTuv" + "." + "abCDefGHij" * 4 + "abc", "[secret]"),
    ("xapp-1-A0123-4567-" + "abcdef0123" * 4, "[secret]"),
    ("EAAC" + "abCDefGH1j" * 10, "[secret]"),
    ("glpat-" + "abCDefGHijKLmnOPqrST", "[secret]"),
    ("AKIA" + "ABCDEFGHIJKLMNOP", "[secret]"),
    ("hr_" + "aB3-" * 10 + "xyz", "[secret]"),
    ("hrp_" + "aB3_" * 10 + "xyz", "[secret]"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "[secret]"),
    ("Authorization: Bearer abcdef0123456789abcdef", "Authorization: Bearer [secret]"),
    ("Authorization: Basic dXNlcjpwYXNz, next", "Authorization: Basic [secret], next"),
    ("postgres://app:p4ss@host/db", "postgres://[secret]@host/db"),
    ("password=hunter2&x=1", "password=[secret]&x=1"),
    ("Password: hunter2", "Password: [secret]"),
    ("/login?password=swordfish&user=ana", "/login?password=[secret]&user=ana"),
    ("DB_PASSWORD=swordfish", "DB_PASSWORD=[secret]"),
    ("export OPENAI_API_KEY='abc'", "export OPENAI_API_KEY='[secret]'"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nrest", "[secret]\nrest"),
    ("-----BEGIN PRIVATE KEY-----\ncut off", "[secret]"),
    ('{"password": "hun\\"ter", "n": 1}', '{"password": "[secret]", "n": 1}'),
    ('{\\"api_key\\": \\"a\\\\\\"b\\"}', '{\\"api_key\\": \\"[secret]\\"}'),
    ('{"password": "cut o', '{"password": "[secret]'),
    ("line\\nana@example.com\\u003cbob@example.com\\u003e", "line\\n[email]\\u003c[email]\\u003e"),
    ("\\n4111111111111111", "\\n[card]"),
    ("\\u002B491701234567", "[phone]"),
    ("a\x00na@example.com", "[email]"),
    ("ana@example.com ana@example.com", "[email] [email]"),
]  # fmt: skip

LEFT_ALONE = [
    "2026-11-21T05:19:39.123456Z at 2026-11-21 05:19:39",
    "01/02/2024 10:30, 31.12.2025 23:59",
    "1763702379123456789 1763702379123456 1763702379",
    "0.4523412341234123 -0.4111111111111111 4111111111111111.5",
    "550e8400-e29b-41d4-a716-446655440000 12345678-1234-1234-1234-411111111111",
    "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7",
    "claude-3-5-sonnet-20241022 gpt-4o-2024-08-06 text-embedding-3-small",
    "chatcmpl-4ddf506a4a1b89fc406dd85b call_4111111111111111 toolu_01A09q90qw90lq917835lq9",
    "id_4111111111111111 4111111111111112 1234567890123456",
    "git@github.com:org/repo.git @pytest.mark.parametrize @scope/package react@18.2.0 logo@2x.png",
    "risk-assessment-of-2024-and-2025 task-force-one-two-three",
    "user-1234 conv-11e81818f8c99d5d tokens: 1234567 cost 0.00042 USD",
    "the secret: nothing is hidden; password: required; token: the",
    '{"token": "hello", "max_tokens": 4096, "next": null, "password": null}',
    "password=get_password() api_key=os.environ['KEY'] secret=settings.secrets[0]",
    "connect(password=self.password, token=request.resource_owner_key, secret=settings.SECRET_KEY)",
    "getpass(prompt='Password: ', stream=None); password = ''; auth = uri.find('@'); password = \"\"\"",
    "Boston, MA 02110-1301 USA; telnet://192.0.2.16:80/; Decimal('+35236450.6'); phone at 192.168.100.200",
    "password=**** api_key=<your key> secret=${SECRET} token=$API_TOKEN",
    "192.168.100.200 10.0.0.1:8080 version 1.22.333-4444",
    "diff --git a/x b/x\n+12 -34 @@ -1,5 +1,5 @@",
    "basic authentication and bearer instruments",
    "https://example.com/path?x=1 http://localhost:8000/a@b",
    "Traceback (most recent call last):\n  File \"/app/x.py\", line 411111, in run",
    "[email] [email:3f9c2a81b0] [card:4111111111] [secret]",
    "",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MASKED)
def test_personal_data_and_secrets_are_masked(text: str, expected: str) -> None:
    masker = Masker(REDACTING)
    assert masker.text(text) == expected
    assert masker.suspects(orjson.dumps({"x": [text]}))
    assert masker.counts.total() == expected.count("[")


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_ids_times_numbers_names_and_what_is_masked_already_stay(text: str) -> None:
    masker = Masker(REDACTING)
    assert masker.text(text) == text
    assert not masker.counts


def test_times_ids_and_models_are_not_even_suspected() -> None:
    ordinary = [LEFT_ALONE[place] for place in (0, 2, 4, 5, 6, 7, 10, 11)]
    assert [text for text in ordinary if Masker(REDACTING).suspects(orjson.dumps(text))] == []


def test_a_pseudonym_is_the_same_for_the_same_person_however_it_is_spelt() -> None:
    masker = Masker(NAMING)
    assert masker.text("Ana@Example.com") == masker.text("ana@example.com")
    assert masker.text("4111 1111 1111 1111") == masker.text("4111111111111111")
    assert masker.text("+49 170 1234567") == masker.text("+491701234567")
    assert masker.text("ana@example.com") != masker.text("bob@example.com")


def test_a_pseudonym_tells_nothing_and_belongs_to_one_project() -> None:
    ours, theirs = Masker(NAMING), Masker(Plan(Policy(key=b"two", pseudonyms=True)))
    said = ours.text("ana@example.com")
    assert len(said) == len("[email:3f9c2a81b0]")
    assert said.startswith("[email:")
    assert "ana" not in said
    assert theirs.text("ana@example.com") != said


def test_an_identifier_gets_a_pseudonym_also_where_text_is_redacted() -> None:
    masker = Masker(REDACTING)
    assert masker.text("ana@example.com") == "[email]"
    assert masker.identifier("ana@example.com") == Masker(NAMING).text("ana@example.com")
    assert masker.identifier("user-1234") == "user-1234"


def test_values_are_masked_deep_down_with_the_names_of_members() -> None:
    masker = Masker(REDACTING)
    value: Value = {
        "messages": [{"parts": [{"text": "I am ana@example.com", "n": 7, "ok": True, "none": None, "f": 0.5}]}]
    }
    found = masker.value(value)
    assert found == {"messages": [{"parts": [{"text": "I am [email]", "n": 7, "ok": True, "none": None, "f": 0.5}]}]}
    by_person = masker.value({"ana@example.com": 1, "bob@example.com": 2})
    assert isinstance(by_person, dict)
    assert list(by_person.values()) == [1, 2]
    assert all(name.startswith("[email:") for name in by_person)


def test_members_with_telling_names_are_masked_whatever_they_say() -> None:
    found = Masker(REDACTING).value(
        {
            "db.password": "x y",
            "OPENAI_API_KEY": "anything",
            "http.request.header.authorization": ["Custom thing"],
            "access_token": "abcdefghijklmnop",
            "token": " the",
            "phone_number": "5551234567",
            "ssn": "123456789",
            "password": "****",
            "total_tokens": "12345678901234567890",
        }
    )
    assert found == {
        "db.password": "[secret]",
        "OPENAI_API_KEY": "[secret]",
        "http.request.header.authorization": ["[secret]"],
        "access_token": "[secret]",
        "token": " the",
        "phone_number": "[phone]",
        "ssn": "[national_id]",
        "password": "****",
        "total_tokens": "12345678901234567890",
    }


def test_numbers_are_left_alone_unless_they_are_cards() -> None:
    masker = Masker(REDACTING)
    value: list[Value] = [4111111111111111, 1763702379123456789, 4111111111111112, 12345, -4111111111111111, 0.5, True]
    assert masker.value(value) == ["[card]", *value[1:]]


def test_a_double_encoded_span_stays_json() -> None:
    inner = orjson.dumps({"content": 'mail\n"ana@example.com"', "password": 'a"b', "n": 1}).decode()
    outer = orjson.dumps({"messages": inner}).decode()
    masked = Masker(REDACTING).text(outer)
    assert orjson.loads(orjson.loads(masked)["messages"]) == {
        "content": 'mail\n"[email]"', "password": "[secret]", "n": 1,
    }  # fmt: skip


def test_only_the_chosen_kinds_are_masked() -> None:
    text = "ana@example.com 4111111111111111 password=hunter2"
    assert Masker(Plan(Policy(kinds=frozenset({"card"})))).text(text) == "ana@example.com [card] password=hunter2"
    assert Masker(Plan(Policy(kinds=frozenset()))).text(text) == text
    assert Masker(Plan(Policy(kinds=frozenset(KINDS) - {"secret"}))).value({"password": "x"}) == {"password": "x"}


def test_counts_belong_to_one_masker() -> None:
    first, second = Masker(REDACTING), Masker(REDACTING)
    first.text("ana@example.com, bob@example.com, 4111111111111111")
    assert first.counts == {"email": 2, "card": 1}
    assert not second.counts


@pytest.mark.parametrize(
    "part",
    ["a@b.", "4111111111111112 ", '"password":\\\\"', "+4917012345 ", "0" * 50, "x@x.com ", "[email]", "://a:b",
     "-----BEGIN PRIVATE KEY-----", "sk-aaaaaaaaaaaaaaaaaaaa", "DE89370400440532013001 "],
)  # fmt: skip
def test_the_time_for_hostile_text_grows_with_its_length_only(part: str) -> None:
    masker = Masker(REDACTING)
    text = part * (500_000 // len(part))
    start = time.process_time()
    masker.text(text)
    assert time.process_time() - start < 10
