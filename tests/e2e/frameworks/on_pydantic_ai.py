"""A pydantic-ai agent with a tool that needs approval."""

import json
import sys

from handrail import Handrail
from handrail.pydantic_ai import run_sync
from pydantic_ai import Agent, DeferredToolRequests
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

url, key, wanted = sys.argv[1:]


def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    if len(messages) > 1:
        return ModelResponse([TextPart("Done.")])
    return ModelResponse([ToolCallPart("process_refund", {"order": wanted, "amount": 1500.0}, tool_call_id="call-1")])


agent = Agent(FunctionModel(answer), output_type=[str, DeferredToolRequests])


@agent.tool_plain(requires_approval=True)
def process_refund(order: str, amount: float) -> str:
    print(json.dumps({"order": order, "amount": amount}))
    return "done"


with Handrail(url, key, agent="pydantic") as client:
    run_sync(agent, "Refund it", client=client)
