"""A LangChain agent with HumanInTheLoopMiddleware."""

import json
import sys
from typing import Any

from handrail import Handrail
from handrail.langgraph import run
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver

url, key, wanted = sys.argv[1:]


class Model(GenericFakeChatModel):
    def bind_tools(self, tools: Any, **options: Any) -> Any:
        return self


def process_refund(order: str, amount: float) -> str:
    """Pay money back."""
    print(json.dumps({"order": order, "amount": amount}))
    return "done"


call = {"name": "process_refund", "args": {"order": wanted, "amount": 1500.0}, "id": "call-1"}
model = Model(messages=iter([AIMessage(content="", tool_calls=[call]), AIMessage(content="Done.")]))
middleware = HumanInTheLoopMiddleware({"process_refund": True})
agent = create_agent(model, [process_refund], middleware=[middleware], checkpointer=InMemorySaver())
asked = {"messages": [{"role": "user", "content": "Refund it"}]}
with Handrail(url, key, agent="chain") as client:
    run(agent, asked, {"configurable": {"thread_id": wanted}}, client=client)
