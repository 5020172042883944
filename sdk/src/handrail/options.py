"""What an agent may say when it asks for approval, besides the action and its arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from handrail.fallback import Fallback, OnUnreachable
from handrail.tracing import current_conversation, current_span_ids

if TYPE_CHECKING:
    from typing_extensions import Required

Verdict = Literal["approve", "edit", "reject", "respond"]
OutcomeStatus = Literal["succeeded", "failed", "reverted"]
AgentName = str | Mapping[str, str]
"""An agent's name, or {"name": ..., "version": ...}."""
KEY_IN_METADATA = "idempotency_key"


class RequestOptions(TypedDict, total=False):
    """Keyword arguments of `request_approval`; what is left out is the server's default.

    summary: one line for the queue. description: Markdown for the reviewer. context: facts the decision rests on; the
    risk assessment looks here after the arguments (amount, data_classification, irreversible).
    arguments_schema: JSON Schema that an edit must satisfy. allowed_decisions: which verdicts make sense.
    agent: who asks; the client's own when left out.
    trace_id, span_id: hex; those of the current OpenTelemetry span when left out.
    session_id: the conversation or thread. end_user: for whom the agent works. Those of `conversation` when left out.
    confidence: 0 to 1, the agent's own. suggestion: the verdict it would give.
    timeout_seconds, on_timeout: when the request expires (whole seconds), and what that means.
    callback_url: told of the decision. priority, team, tags, metadata: for the queue.

    Not sent, but kept to:
    idempotency_key: one request for this key, also after a restart of the agent. With session_id it is found again
        for as long as the server keeps it (unless it expired or was cancelled: then it is asked anew); without, for a
        day. A key of the call's own when left out.
    on_unreachable: the client's own when left out. low_risk: your word for `approve-if-low-risk`.
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
    idempotency_key: str | None
    on_unreachable: OnUnreachable | None
    low_risk: bool


class Action(TypedDict, total=False):
    """One action of a batch, which people decide on its own. metadata: what the agent knows it by."""

    action: Required[str]
    arguments: Mapping[str, Any]
    description: str | None
    arguments_schema: Mapping[str, Any] | None
    allowed_decisions: Sequence[Verdict] | None
    metadata: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Asking:
    """One request to be made. fields: its body. key: "" for one of the call's own. fallback: see `Fallback`."""

    fields: Mapping[str, Any]
    key: str
    fallback: Fallback

    @property
    def session_id(self) -> str:
        """Where the key is looked for, "" when it cannot be."""
        return str(self.fields.get("session_id") or "")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a client says for requests that do not."""

    agent: AgentName | None = None
    on_unreachable: OnUnreachable = "raise"

    def asking(self, what: Mapping[str, Any], options: Mapping[str, Any]) -> Asking:
        """The request with its options. what: {"action", "arguments"}, or {"actions"}.

        Raises TypeError for an option that does not exist: a misspelt timeout must not silently be the default.
        """
        unknown = sorted(set(options) - set(RequestOptions.__annotations__))
        if unknown:
            raise TypeError(f"request_approval() got unexpected keyword arguments: {', '.join(unknown)}")
        fields: dict[str, Any] = {**what, **options}
        key = fields.pop("idempotency_key", None) or ""
        mode = fields.pop("on_unreachable", None) or self.on_unreachable
        fallback = Fallback(mode, bool(fields.pop("low_risk", False)))
        asker = fields.get("agent") or self.agent
        fields["agent"] = {"name": asker} if isinstance(asker, str) else asker
        if key:
            fields["metadata"] = {**(fields.get("metadata") or {}), KEY_IN_METADATA: key}
        if fields.get("trace_id") is None:
            fields["trace_id"], current_span = current_span_ids()
            fields["span_id"] = fields.get("span_id") or current_span
        session_id, end_user = current_conversation()
        fields["session_id"] = fields.get("session_id") or session_id
        fields["end_user"] = fields.get("end_user") or end_user
        return Asking({name: value for name, value in fields.items() if value is not None}, key, fallback)


def single(action: str, arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    """One action, as the body of a request has it."""
    return {"action": action, "arguments": dict(arguments or {})}


def batch(actions: Sequence[Action]) -> dict[str, Any]:
    """Several actions, as the body of a request has them."""
    return {"actions": [{name: value for name, value in each.items() if value is not None} for each in actions]}
