"""Conversations out of whatever an SDK wrote down."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from metrics.conversation import messages


def parts(value: object) -> list[tuple[str, str, str, str]]:
    return [(turn.role, part.kind, part.name, part.text) for turn in messages(value) for part in turn.parts]


def test_parts_of_opentelemetry_messages() -> None:
    value = [
        {"role": "user", "parts": [{"type": "text", "content": "hi"}]},
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "hm"},
                {"type": "tool_call", "name": "f", "arguments": {"a": 1}},
            ],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "done"}]},
    ]
    assert parts(json.dumps(value)) == [
        ("user", "text", "", "hi"),
        ("assistant", "reasoning", "", "hm"),
        ("assistant", "call", "f", '{\n  "a": 1\n}'),
        ("tool", "result", "", "done"),
    ]


def test_tool_calls_of_chat_completions() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    assert parts([{"role": "assistant", "content": None, "tool_calls": [call]}]) == [
        ("assistant", "call", "f", '{\n  "a": 1\n}')
    ]


def test_tool_calls_as_the_vercel_sdk_lists_them() -> None:
    old = {"toolCallType": "function", "toolCallId": "1", "toolName": "f", "args": '{"a": 1}'}
    new = {"type": "tool-call", "toolCallId": "2", "toolName": "g", "input": '{"b": 2}'}
    assert parts(json.dumps([old, new])) == [
        ("assistant", "call", "f", '{\n  "a": 1\n}'),
        ("assistant", "call", "g", '{\n  "b": 2\n}'),
    ]


def test_values_that_were_encoded_one_by_one_are_read_one_by_one() -> None:
    assert parts(['"a"', '"b c"', "plain"]) == [
        ("", "text", "", "a"),
        ("", "text", "", "b c"),
        ("", "text", "", "plain"),
    ]
    assert parts(["a", 1]) == [("", "data", "", '[\n  "a",\n  1\n]')]


def test_langchain_and_nested_lists() -> None:
    assert parts({"messages": [[{"type": "human", "content": "hi"}]]}) == [("user", "text", "", "hi")]
    assert parts([{"message": {"role": "assistant", "content": "yo"}}]) == [("assistant", "text", "", "yo")]


def test_messages_as_langchain_writes_them_to_json() -> None:
    call = {"name": "get_weather", "args": {"city": "Paris"}, "id": "c", "type": "tool_call"}
    value = {
        "messages": [
            {"type": "human", "data": {"content": "Weather?", "type": "human", "name": None}},
            {"type": "ai", "data": {"content": "", "tool_calls": [call]}},
            {"type": "tool", "data": {"content": "21 C", "type": "tool", "name": "get_weather"}},
            {"type": "ai", "data": {"content": "It is 21 C.", "type": "ai"}},
        ]
    }
    assert parts(json.dumps(value)) == [
        ("user", "text", "", "Weather?"),
        ("assistant", "call", "get_weather", '{\n  "city": "Paris"\n}'),
        ("tool", "result", "get_weather", "21 C"),
        ("assistant", "text", "", "It is 21 C."),
    ]
    assert parts({"messages": [["user", "Weather?"]]}) == [("user", "text", "", "Weather?")]


def test_a_prompt_with_its_instructions_as_the_vercel_sdk_is_called() -> None:
    assert parts('{"prompt": "Hi"}') == [("user", "text", "", "Hi")]
    both = [("system", "text", "", "Be brief."), ("user", "text", "", "Hi")]
    assert parts({"system": "Be brief.", "prompt": "Hi"}) == both
    assert parts({"system": "Be brief.", "messages": [{"role": "user", "content": "Hi"}]}) == both
    assert parts({"prompt": "Hi", "size": 3})[0][:2] == ("", "data")


def test_results_of_tools_are_the_tools_whoever_brings_them() -> None:
    result = {"toolUseId": "c", "status": "success", "content": [{"text": "21 C,"}, {"text": "sunny"}]}
    assert parts([{"role": "user", "content": [{"toolResult": result}]}]) == [("tool", "result", "", "21 C,\nsunny")]
    brought = {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "21 C"}]}
    assert parts([{"role": "user", "content": [brought]}]) == [("tool", "result", "", "21 C")]
    assert parts([{"role": "user", "content": [brought, {"type": "text", "text": "and now?"}]}])[1][0] == "user"
    use = {"toolUse": {"toolUseId": "c", "name": "get_weather", "input": {"city": "Paris"}}}
    assert parts([{"role": "assistant", "content": [use]}])[0][:3] == ("assistant", "call", "get_weather")


def test_images_are_described_and_never_carried() -> None:
    value = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://evil.example/x.png"}}]}]
    found = parts(value)
    assert found == [("user", "media", "", "image")]
    assert "evil" not in str(found)


def test_what_is_no_conversation_is_one_block() -> None:
    assert parts({"order": 1}) == [("", "data", "", '{\n  "order": 1\n}')]
    assert parts("just words") == [("", "text", "", "just words")]
    assert messages(None) == messages("") == messages([]) == []


def test_long_text_is_cut_and_says_by_how_much() -> None:
    (turn,) = messages("x" * 20_010)
    assert (len(turn.parts[0].text), turn.parts[0].cut) == (20_000, 10)


KEYS = (
    "role content parts type message tool_calls tool_call function messages name text kwargs message_content source "
    "arguments"
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=5),
    max_leaves=25,
)


@given(json_values)
@example([{"type": []}])
@example([{"type": {}, "toolCallId": []}])
@example([[[], "hi"]])
def test_no_json_value_breaks_it(value: object) -> None:
    for turn in messages(value):
        assert all(isinstance(part.text, str) and isinstance(part.name, str) for part in turn.parts)
