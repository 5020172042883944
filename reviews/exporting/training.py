"""Files to train models on: OpenAI's chat format, and preference pairs. Pure.

Sources: https://platform.openai.com/docs/guides/supervised-fine-tuning (one object per line with `messages` and
`tools`), https://huggingface.co/docs/trl/dataset_formats (`prompt`, `chosen` and `rejected`, each a list of messages).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from reviews.exporting.examples import call_of, messages_of, tool_of


def openai_chat(line: Mapping[str, Any]) -> bytes | None:
    """What the agent ran with in the end, as the answer to learn; nothing of what was rejected or answered.

    None also for an example without anything that led to the proposal: there is nothing to answer.
    """
    told = messages_of(line)
    if line["verdict"] not in {"approve", "edit"} or not told:
        return None
    messages = [*told, call_of(line, line["final_arguments"])]
    return orjson.dumps({"messages": messages, "tools": [tool_of(line)], "parallel_tool_calls": False}) + b"\n"


def preferences(line: Mapping[str, Any]) -> bytes | None:
    """What the reviewer sent, preferred to what the agent proposed; only where these differ, and follow something."""
    told = messages_of(line)
    if not told:
        return None
    if line["verdict"] == "edit" and line["diff"]:
        better = call_of(line, line["final_arguments"])
    elif line["verdict"] == "respond":
        better = {"role": "assistant", "content": line["message"]}
    else:
        return None
    pair = {
        "prompt": told,
        "chosen": [better],
        "rejected": [call_of(line, line["proposed_arguments"])],
        "tools": [tool_of(line)],
    }
    return orjson.dumps(pair) + b"\n"
