"""Tasks for Label Studio, as its import takes them. Pure.

Source: https://labelstud.io/guide/tasks (a JSON list of objects with `data`, `annotations` and `predictions`). What a
reviewer decided is an annotation, what the agent suggested a prediction; CONFIG is the labelling interface for them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from reviews.exporting.examples import messages_of

CONFIG = """\
<View>
  <Header value="$action"/>
  <Text name="request" value="$request"/>
  <Paragraphs name="conversation" value="$conversation" layout="dialogue" nameKey="author" textKey="text"/>
  <Choices name="verdict" toName="request" choice="single" required="true">
    <Choice value="approve"/><Choice value="edit"/><Choice value="reject"/><Choice value="respond"/>
  </Choices>
  <TextArea name="arguments" toName="request" maxSubmissions="1"/>
  <TextArea name="reason" toName="request" maxSubmissions="1"/>
</View>
"""
HEAD, SEPARATOR, TAIL = b"[\n", b",\n", b"\n]\n"


def task(line: Mapping[str, Any]) -> bytes:
    """One task. Its ids say which example it is, so that what comes back can be joined."""
    found: dict[str, Any] = {"data": _data(line), "annotations": [{"result": _decided(line)}]}
    if line["suggestion"]:
        agent = line["agent"] or {}
        model = " ".join(part for part in (agent.get("name"), agent.get("version")) if part)
        suggested: dict[str, Any] = {"model_version": model or "agent", "result": [_choice(line["suggestion"])]}
        if line["confidence"] is not None:
            suggested["score"] = line["confidence"]
        found["predictions"] = [suggested]
    return orjson.dumps(found)


def _data(line: Mapping[str, Any]) -> dict[str, Any]:
    said = [{"author": message["role"], "text": message["content"]} for message in messages_of(line)]
    return {
        "example": line["id"],
        "revision": line["revision"],
        "approval_id": line["approval_id"],
        "split": line["split"],
        "action": line["action"],
        "agent": (line["agent"] or {}).get("name", ""),
        "summary": line["summary"],
        "request": f"{line['action']}\n{_pretty(line['proposed_arguments'])}",
        "conversation": said,
        "labels": line["labels"],
        "scores": line.get("scores", []),
    }


def _decided(line: Mapping[str, Any]) -> list[dict[str, Any]]:
    result = [_choice(line["verdict"])]
    if line["verdict"] == "edit":
        result.append(_text("arguments", _pretty(line["final_arguments"])))
    why = line["reason"] or line["message"]
    return [*result, _text("reason", why)] if why else result


def _choice(verdict: str) -> dict[str, Any]:
    return _region("verdict", "choices", {"choices": [verdict]})


def _text(name: str, text: str) -> dict[str, Any]:
    return _region(name, "textarea", {"text": [text]})


def _region(name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "from_name": name, "to_name": "request", "type": kind, "value": value}


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
