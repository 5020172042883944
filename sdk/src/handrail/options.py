"""What an agent may say when it asks for approval, besides the action and its arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from handrail.tracing import current_span_ids

Verdict = Literal["approve", "edit", "reject", "respond"]
OutcomeStatus = Literal["succeeded", "failed", "reverted"]
AgentName = str | Mapping[str, str]
"""An agent's name, or {"name": ..., "version": ...}."""


class RequestOptions(TypedDict, total=False):
    """Keyword arguments of `request_approval`; what is left out is the server's default.

    summary: one line for the queue. description: Markdown for the reviewer. context: facts the decision rests on; the
    risk assessment looks here after the arguments (amount, data_classification, irreversible).
    arguments_schema: JSON Schema that an edit must satisfy. allowed_decisions: which verdicts make sense.
    agent: who asks; the client's own when left out.
    trace_id, span_id: hex; those of the current OpenTelemetry span when left out.
    session_id: the conversation or thread. end_user: for whom the agent works.
    confidence: 0 to 1, the agent's own. suggestion: the verdict it would give.
    timeout_seconds, on_timeout: when the request expires (whole seconds), and what that means.
    callback_url: told of the decision. priority, team, tags, metadata: for the queue.
    """

    summary: str | None
    description: str | None
    context: Mapping[str, Any] | None
    arguments_schema: Mapping[str, Any] | None
    allowed_decisions: Sequence[Verdict] | None
    agent: AgentName | None
    trace_id: str | None
    span_id: str | None
    session_id: str | None
    end_user: str | None
    confidence: float | None
    suggestion: str | None
    priority: str | None
    team: str | None
    tags: Sequence[str] | None
    timeout_seconds: int | None
    on_timeout: Literal["reject", "approve", "escalate"] | None
    callback_url: str | None
    metadata: Mapping[str, Any] | None


def request_fields(
    action: str, arguments: Mapping[str, Any] | None, options: Mapping[str, Any], agent: AgentName | None
) -> dict[str, Any]:
    """The body of the request. agent: who asks when the options do not say.

    Raises TypeError for an option that does not exist: a misspelt timeout must not silently be the default.
    """
    unknown = sorted(set(options) - set(RequestOptions.__annotations__))
    if unknown:
        raise TypeError(f"request_approval() got unexpected keyword arguments: {', '.join(unknown)}")
    fields: dict[str, Any] = {"action": action, "arguments": dict(arguments or {}), **options}
    asker = fields.get("agent") or agent
    fields["agent"] = {"name": asker} if isinstance(asker, str) else asker
    if fields.get("trace_id") is None:
        fields["trace_id"], current_span = current_span_ids()
        fields["span_id"] = fields.get("span_id") or current_span
    return fields
