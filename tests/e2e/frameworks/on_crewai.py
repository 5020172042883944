"""A crew of CrewAI whose answer people see before it counts: what was to be refunded, as text."""

import json
import os
import sys
from typing import Any

os.environ.update(CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="true", CREWAI_TRACING_ENABLED="false")

from crewai import Agent, Crew, Task
from crewai.llms.base_llm import BaseLLM
from handrail import Handrail
from handrail.crewai import HumanInput

url, key, order = sys.argv[1:]


class Model(BaseLLM):
    """Always answers alike."""

    def call(self, messages: Any, *args: Any, **options: Any) -> str:
        return f"Thought: I now can give a great answer\nFinal Answer: {order}: 1500"


agent = Agent(role="Desk", goal="Refund", backstory="Refunds.", llm=Model(model="fake"))
task = Task(description="Say what to refund", expected_output="A line", agent=agent, human_input=True)
with Handrail(url, key, agent="crew") as client, HumanInput(client):
    wanted, amount = str(Crew(agents=[agent], tasks=[task], verbose=False).kickoff().raw).split(": ")
print(json.dumps({"order": wanted, "amount": int(amount)}))
