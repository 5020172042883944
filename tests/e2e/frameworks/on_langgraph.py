"""LangGraph, with an interrupt in HumanInterrupt form."""

import json
import sys
from typing import Any, TypedDict

from handrail import Handrail
from handrail.langgraph import run
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

url, key, order = sys.argv[1:]
MAY = {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True}


class State(TypedDict, total=False):
    refunded: Any


def pay(state: State) -> State:
    asked = {"action": "process_refund", "args": {"order": order, "amount": 1500.0}}
    (answer,) = interrupt([{"action_request": asked, "config": MAY, "description": "Refund?"}])
    return {"refunded": answer["args"]["args"] if answer["type"] == "edit" else asked["args"]}


builder = StateGraph(State)
builder.add_node("pay", pay)
builder.add_edge(START, "pay")
builder.add_edge("pay", END)
with Handrail(url, key, agent="graph") as client:
    graph = builder.compile(checkpointer=InMemorySaver())
    print(json.dumps(run(graph, {"refunded": None}, {"configurable": {"thread_id": order}}, client=client)["refunded"]))
