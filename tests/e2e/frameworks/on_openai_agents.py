"""An agent of the OpenAI Agents SDK, whose model calls again with what it is told a reviewer approved."""

import json
import sys

from agents.testing import ScriptedModel, assistant_message, function_call
from handrail import Handrail
from handrail.openai_agents import run_sync

from agents import Agent, function_tool, set_tracing_disabled

url, key, wanted = sys.argv[1:]
set_tracing_disabled(True)


@function_tool(needs_approval=True)
def process_refund(order: str, amount: float) -> str:
    """Pay money back."""
    print(json.dumps({"order": order, "amount": amount}))
    return "done"


def call(amount: float, call_id: str) -> list[object]:
    arguments = json.dumps({"order": wanted, "amount": amount})
    return [function_call(name="process_refund", arguments=arguments, call_id=call_id)]


model = ScriptedModel([call(1500.0, "call-1"), call(900, "call-2"), [assistant_message("Done.")]])
with Handrail(url, key, agent="openai") as client:
    agent = Agent(name="desk", model=model, tools=[process_refund])
    run_sync(agent, "Refund it", client=client, approvals={"session_id": wanted})
