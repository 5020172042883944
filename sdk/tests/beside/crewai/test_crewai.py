"""The human input of the real CrewAI, given by people in the queue."""

from __future__ import annotations

import os
from typing import Any

os.environ.update(CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="true", CREWAI_TRACING_ENABLED="false")

import pytest
from crewai import Agent, Crew, Task
from crewai.hooks.dispatch import HookAborted
from crewai.llms.base_llm import BaseLLM
from loopback import KEY, Loopback

from handrail import ApprovalExpired, ApprovalRejected, AsyncHandrail, Handrail
from handrail.crewai import HumanInput

pytestmark = pytest.mark.filterwarnings("ignore")


class Model(BaseLLM):
    """Answers with a draft that counts up."""

    drafts: int = 0
    read: list[Any] = []

    def call(self, messages: Any, *args: Any, **options: Any) -> str:
        self.read.append(messages)
        self.drafts += 1
        return f"Thought: I now can give a great answer\nFinal Answer: Draft {self.drafts}"

    async def acall(self, messages: Any, *args: Any, **options: Any) -> str:
        return self.call(messages)


def crew_of(model: Model) -> Crew:
    agent = Agent(role="Writer", goal="Write", backstory="Writes.", llm=model)
    task = Task(description="Write a line", expected_output="A line", agent=agent, human_input=True)
    return Crew(agents=[agent], tasks=[task], verbose=False)


def deciding(server: Loopback, *verdicts: dict[str, Any]) -> None:
    coming = iter(verdicts)
    server.on_create = lambda approval: server.decide(approval["id"], **next(coming))


def test_an_approved_answer_is_the_crews(server: Loopback, blocking: Handrail) -> None:
    deciding(server, {"verdict": "approve"})
    with HumanInput(blocking, agent="writers"):
        result = crew_of(Model(model="fake")).kickoff()
    assert result.raw == "Draft 1"
    (asked,) = [each.json() for each in server.requests("POST", "/api/v1/approvals")]
    assert asked["actions"][0]["arguments"] == {"answer": "Draft 1"}
    assert asked["actions"][0]["metadata"] == {"role": "Writer"}
    (approval,) = server.approvals.values()
    assert approval["outcome"]["status"] == "succeeded"


def test_what_a_reviewer_asks_for_is_worked_on_and_asked_about_again(server: Loopback, blocking: Handrail) -> None:
    deciding(server, {"verdict": "respond", "message": "Make it rhyme"}, {"verdict": "approve"})
    model = Model(model="fake")
    with HumanInput(blocking):
        assert crew_of(model).kickoff().raw == "Draft 2"
    assert "Make it rhyme" in str(model.read[-1])
    assert len(server.approvals) == 2


def test_an_edited_answer_is_the_reviewers(server: Loopback, blocking: Handrail) -> None:
    deciding(server, {"verdict": "edit", "arguments": {"answer": "Mine"}})
    with HumanInput(blocking):
        assert crew_of(Model(model="fake")).kickoff().raw == "Mine"


@pytest.mark.parametrize(("end", "cause"), [("reject", ApprovalRejected), ("expire", ApprovalExpired)])
def test_a_rejection_and_an_expiry_end_the_crew_and_are_not_asked_again(
    server: Loopback, blocking: Handrail, end: str, cause: type[Exception]
) -> None:
    server.on_create = lambda approval: (
        server.expire(approval["id"]) if end == "expire" else server.decide(approval["id"], end, reason="no")
    )
    with HumanInput(blocking), pytest.raises(HookAborted) as caught:
        crew_of(Model(model="fake")).kickoff()
    assert isinstance(caught.value.__cause__, cause)
    assert len(server.approvals) == 1


async def test_awaited_it_works_too(server: Loopback) -> None:
    deciding(server, {"verdict": "edit", "arguments": {"answer": "Mine"}})
    async with AsyncHandrail(server.url, KEY) as client:
        with HumanInput(async_client=client):
            assert (await crew_of(Model(model="fake")).akickoff()).raw == "Mine"
