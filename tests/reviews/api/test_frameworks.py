"""What agent frameworks hand to a person goes through our requests and comes out as it went in.

The payloads in tests/fixtures/interrupts were recorded from langgraph 1.2.22 (HumanInterrupt), langchain 1.4.7
(HumanInTheLoopMiddleware, both of its modes) and openai-agents 0.24.0 (ToolApprovalItem). What maps them here stands
for the client's adapters: it may use what our API sends and receives, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reviews.canonical import arguments_hash
from tests.reviews.api.conftest import PATH
from tests.reviews.conftest import Api

RECORDED = Path(__file__).resolve().parents[2] / "fixtures" / "interrupts"
Json = dict[str, Any]
Ask = Callable[..., Any]


def recorded(name: str) -> list[Json]:
    found: list[Json] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return found


def exact(value: Any) -> str:
    """JSON that tells 1500, 1500.0 and "1500" apart, and one order of keys from another."""
    return json.dumps(value, ensure_ascii=False)


@pytest.fixture
def send(agent_api: Api) -> Callable[[Json], Json]:
    """Sends a request, and reads it again as the agent does after a restart."""

    def create(body: Json) -> Json:
        response = agent_api.post(PATH, body)
        assert response.status_code == 201, response.content
        found: Json = agent_api.get(f"{PATH}/{response.json()['id']}").json()
        return found

    return create


@pytest.fixture
def decide(agent_api: Api, reviewer_api: Api) -> Callable[[Json, list[Json]], Json]:
    """Decides on a request item by item; what the agent then reads."""

    def all_items(approval: Json, verdicts: list[Json]) -> Json:
        for index, verdict in enumerate(verdicts):
            response = reviewer_api.post(f"{PATH}/{approval['id']}/decisions", {"item": index, **verdict})
            assert response.status_code == 200, response.content
        found: Json = agent_api.get(f"{PATH}/{approval['id']}").json()
        return found

    return all_items


LANGGRAPH = {"allow_accept": "approve", "allow_edit": "edit", "allow_respond": "respond", "allow_ignore": "reject"}


def to_langgraph(approval: Json) -> list[Json]:
    return [
        {
            "action_request": {"action": item["action"], "args": item["arguments"]},
            "config": {name: LANGGRAPH[name] in item["allowed_decisions"] for name in item["metadata"]["config"]},
            "description": item["description"] or None,
        }
        for item in approval["items"]
    ]


def from_langgraph(interrupts: list[Json]) -> Json:
    return {
        "actions": [
            {
                "action": each["action_request"]["action"],
                "arguments": each["action_request"]["args"],
                "description": each["description"],
                "allowed_decisions": [LANGGRAPH[name] for name, allowed in each["config"].items() if allowed],
                "metadata": {"config": each["config"]},
            }
            for each in interrupts
        ]
    }


def test_an_interrupt_of_langgraph_comes_back_and_is_answered_in_its_words(send: Any, decide: Any) -> None:
    interrupts = recorded("langgraph")[0]["value"]
    approval = send(from_langgraph(interrupts))
    assert exact(to_langgraph(approval)) == exact(interrupts)
    edited = {"to": ["b@example.org"], "subject": "Hi"}
    decided = decide(approval, [{"verdict": "edit", "arguments": edited}, {"verdict": "approve"}])
    assert [human_response(item) for item in decided["items"]] == [
        {"type": "edit", "args": {"action": "send_email", "args": edited}},
        {"type": "accept", "args": None},
    ]


@pytest.mark.parametrize(
    ("verdict", "response"),
    [
        ({"verdict": "respond", "message": "Ask Eve first"}, {"type": "response", "args": "Ask Eve first"}),
        ({"verdict": "reject", "reason": "no"}, {"type": "ignore", "args": None}),
    ],
)
def test_answers_and_refusals_have_a_word_in_langgraph(send: Any, decide: Any, verdict: Json, response: Json) -> None:
    approval = send(from_langgraph(recorded("langgraph")[0]["value"][:1]))
    assert human_response(decide(approval, [verdict])["items"][0]) == response


def human_response(item: Json) -> Json:
    decision = item["decision"]
    kind = {"approve": "accept", "edit": "edit", "respond": "response", "reject": "ignore"}[decision["verdict"]]
    edited = {"action": item["action"], "args": decision["arguments"]}
    return {"type": kind, "args": {"edit": edited, "response": decision["message"]}.get(kind)}


def test_a_batch_of_langchain_comes_back_and_its_decisions_stand_in_order(send: Any, decide: Any) -> None:
    (interrupt,) = recorded("langchain-batched")
    request = interrupt["value"]
    approval = send(batched(interrupt))
    assert approval["metadata"] == {"interrupt": interrupt["id"]}
    back = {
        "action_requests": [
            {"name": item["action"], "args": item["arguments"], "description": item["description"]}
            for item in approval["items"]
        ],
        "review_configs": [
            {"action_name": item["action"], "allowed_decisions": item["allowed_decisions"]}
            for item in approval["items"]
        ],
    }
    assert exact(back) == exact(request)
    edited = {**request["action_requests"][1]["args"], "amount": 900.0, "partial": True}
    decided = decide(
        approval,
        [
            {"verdict": "reject", "reason": "not that file"},
            {"verdict": "edit", "arguments": edited},
            {"verdict": "respond", "message": "The second one"},
        ],
    )
    assert decided["status"] == "mixed"
    assert exact([langchain_decision(item) for item in decided["items"]]) == exact(
        [
            {"type": "reject", "message": "not that file"},
            {"type": "edit", "edited_action": {"name": "process_refund", "args": edited}},
            {"type": "respond", "message": "The second one"},
        ]
    )


def batched(interrupt: Json) -> Json:
    request = interrupt["value"]
    return {
        "actions": [
            {
                "action": action["name"],
                "arguments": action["args"],
                "description": action["description"],
                "allowed_decisions": config["allowed_decisions"],
            }
            for action, config in zip(request["action_requests"], request["review_configs"], strict=True)
        ],
        "metadata": {"interrupt": interrupt["id"]},
    }


def langchain_decision(item: Json) -> Json:
    decision = item["decision"]
    edited = {"name": item["action"], "args": decision["arguments"]}
    said: dict[str, Json] = {
        "approve": {},
        "edit": {"edited_action": edited},
        "reject": {"message": decision["reason"]},
        "respond": {"message": decision["message"]},
    }
    return {"type": decision["verdict"], **said[decision["verdict"]]}


def test_single_calls_of_langchain_keep_their_ids_and_the_schema_of_the_tool(send: Any, reviewer_api: Api) -> None:
    interrupts = recorded("langchain-per_call")
    approval = send({"actions": [per_call(each) for each in interrupts]})
    for item, interrupt in zip(approval["items"], interrupts, strict=True):
        back = {
            "type": "tool_approval",
            "tool_call_id": item["metadata"]["tool_call_id"],
            "name": item["action"],
            "args": item["arguments"],
            "description": item["description"],
        }
        assert exact(back) == exact(interrupt["value"])
        assert item["metadata"]["interrupt"] == interrupt["id"]
    refund = next(item for item in approval["items"] if item["action"] == "process_refund")
    assert refund["arguments_schema"]["properties"]["amount"]["type"] == "number"
    wrong = reviewer_api.post(
        f"{PATH}/{approval['id']}/decisions",
        {"item": refund["index"], "verdict": "edit", "arguments": {**refund["arguments"], "amount": "900"}},
    )
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "arguments")


def per_call(interrupt: Json) -> Json:
    value, schema = interrupt["value"], interrupt["response_schema"]
    definitions = schema.get("$defs", {})
    only = schema.get("properties", {}).get("type", {}).get("const")
    allowed = [only] if only else list(schema["discriminator"]["mapping"])
    tool = definitions.get(value["name"])
    return {
        "action": value["name"],
        "arguments": value["args"],
        "description": value["description"],
        "allowed_decisions": allowed,
        "arguments_schema": {**tool, "$defs": definitions} if tool else None,
        "metadata": {"interrupt": interrupt["id"], "tool_call_id": value["tool_call_id"]},
    }


def test_tool_approvals_of_openai_come_back_down_to_the_spelling_of_their_arguments(send: Any, decide: Any) -> None:
    items = recorded("openai-agents")
    approval = send(
        {
            "actions": [
                {
                    "action": item["tool_name"],
                    "arguments": json.loads(item["raw_item"]["arguments"]),
                    "allowed_decisions": ["approve", "reject"],  # the SDK has no word for the other two
                    "metadata": item,
                }
                for item in items
            ]
        }
    )
    assert exact([item["metadata"] for item in approval["items"]]) == exact(items)
    assert [exact(item["arguments"]) for item in approval["items"]] == [
        exact(json.loads(item["raw_item"]["arguments"])) for item in items
    ]
    decided = decide(approval, [{"verdict": "approve"}, {"verdict": "reject", "reason": "keep the file"}])
    told = {
        item["metadata"]["raw_item"]["call_id"]: (item["decision"]["verdict"], item["decision"]["reason"])
        for item in decided["items"]
    }
    assert told == {"call_a": ("approve", ""), "call_b": ("reject", "keep the file")}


def test_each_item_that_was_approved_has_a_receipt_of_its_own(send: Any, decide: Any, agent_api: Api) -> None:
    approval = send(from_langgraph(recorded("langgraph")[0]["value"]))
    decided = decide(approval, [{"verdict": "reject", "reason": "no"}, {"verdict": "approve"}])
    assert all(item["decision"]["receipt"] for item in decided["items"])

    def consume(index: int) -> Any:
        item = decided["items"][index]
        body = {
            "item": index,
            "arguments_hash": arguments_hash(item["arguments"]),
            "receipt": item["decision"]["receipt"],
        }
        return agent_api.post(f"{PATH}/{approval['id']}/consume", body)

    assert (consume(0).status_code, consume(0).json()["refusal"]) == (409, "not_approved")
    assert [consume(1).status_code, consume(1).status_code] == [200, 409]
