"""`approval_required`: a function that runs only after a person agreed, with what they agreed to."""

from __future__ import annotations

import copy
import functools
import inspect
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

from handrail.approvals import Approval, JsonObject
from handrail.client import AsyncHandrail, Handrail
from handrail.errors import HandrailError, ReceiptRefused
from handrail.fallback import DECIDED_HERE
from handrail.receipts import read_receipt
from handrail.steps import Steps, await_on, block_on, failure, record
from handrail.tracing import tool_span

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider
    from typing_extensions import Unpack

    from handrail.options import RequestOptions

P = ParamSpec("P")
R = TypeVar("R")


class ApprovalDecorator(Protocol):
    """Adds the reviewer's answer to what the function may return, and keeps it synchronous or asynchronous."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R | str]]: ...

    @overload
    def __call__(self, function: Callable[P, R]) -> Callable[P, R | str]: ...


def approval_required(
    action: str | None = None,
    *,
    client: Handrail | AsyncHandrail | None = None,
    tracer_provider: TracerProvider | None = None,
    **options: Unpack[RequestOptions],
) -> ApprovalDecorator:
    """Make a function wait for a person's approval before it runs.

    The request carries the call's arguments by name (`self` and `cls` left out; they must be JSON values). Approved,
    the function runs with them; edited, with the reviewer's; answered, it does not run and the reviewer's message is
    returned in its place. Rejected, expired or cancelled, the NotApproved error is raised. Right before the function
    runs, the decision's receipt is compared with the arguments and used up, so that it runs once: ReceiptRefused
    otherwise. What then happened is recorded as the outcome: succeeded, or failed when the function raised.

    action: the function's own name when left out.
    client: made from the environment when left out; a coroutine function needs an AsyncHandrail when one is given.
    tracer_provider: where the tool span goes, OpenTelemetry's global one when left out.
    options: as for `request_approval`; the summary may name arguments, for instance "Refund {amount} EUR".
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        name = action or str(getattr(function, "__name__", "call"))
        gate = _Gate(function, name, tracer_provider, dict(options))
        if inspect.iscoroutinefunction(function):
            if isinstance(client, Handrail):
                raise TypeError(f"{name} is a coroutine function: pass an AsyncHandrail")
            return gate.awaiting(client)
        if isinstance(client, AsyncHandrail):
            raise TypeError(f"{name} is an ordinary function: pass a Handrail")
        return gate.blocking(client)

    return decorate


class _Gate:
    """One decorated function: one flow of steps, which the two faces carry out by blocking or by awaiting."""

    def __init__(
        self,
        function: Callable[..., Any],
        action: str,
        tracer_provider: TracerProvider | None,
        options: Mapping[str, Any],
    ) -> None:
        self._function = function
        self._action = action
        self._tracer_provider = tracer_provider
        self._options = options
        self._signature = inspect.signature(function)

    def blocking(self, given: Handrail | None) -> Callable[..., Any]:
        @functools.wraps(self._function)
        def run(*args: Any, **kwargs: Any) -> Any:
            return block_on(self._flow(self._bind(args, kwargs)), given)

        return run

    def awaiting(self, given: AsyncHandrail | None) -> Callable[..., Any]:
        @functools.wraps(self._function)
        async def run(*args: Any, **kwargs: Any) -> Any:
            flow = self._flow(self._bind(args, kwargs))
            return await await_on(flow, given)

        return run

    def _flow(self, call: _Call) -> Steps:
        options = self._request_options(call)
        with tool_span(self._action, call.proposed, self._tracer_provider) as span:
            requested = yield lambda client: client.request_approval(self._action, call.proposed, **options)
            span.set("handrail.approval.id", requested.id)
            approval: Approval = yield lambda client: client.wait(requested)
            if approval.decided_here:
                span.set("handrail.approval.decided_by", DECIDED_HERE)
            if approval.answer is not None:
                span.set("gen_ai.tool.call.result", approval.answer)
                return approval.answer
            try:
                edited = call.with_arguments(approval.final_arguments)
                span.set("gen_ai.tool.call.arguments", edited.proposed)
            except Exception as error:
                yield from record(approval, "failed", failure(error))
                raise
            yield from self._use_up(approval, edited)
            try:
                result = yield lambda _client: self._function(*edited.bound.args, **edited.bound.kwargs)
            except Exception as error:
                yield from record(approval, "failed", failure(error))
                raise
            span.set("gen_ai.tool.call.result", result)
        yield from record(approval, "succeeded", {})
        return result

    def _use_up(self, approval: Approval, call: _Call) -> Steps:
        """Let the call go on only if it is what the receipt says, and only once: whoever comes second is refused.

        No outcome is recorded for a refusal: it would stand for the run that took place. What was decided without the
        server has no receipt, and this call is the only one that knows of it.
        """
        if approval.decided_here:
            return
        token = approval.decision.receipt if approval.decision else ""
        given = {name: call.proposed[name] for name in approval.final_arguments if name in call.proposed}
        receipt = read_receipt(token)
        if receipt.approval_id != approval.id:
            raise ReceiptRefused(f"The receipt of {self._action} is of another request", refusal="forged")
        receipt.check(action=self._action, arguments=given)
        yield lambda client: client.consume(approval.id, given, receipt=token)

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> _Call:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        call = _Call(self._action, bound)
        return call.frozen()

    def _request_options(self, call: _Call) -> RequestOptions:
        options: Any = dict(self._options)
        if options.get("summary"):
            options["summary"] = options["summary"].format_map(call.proposed)
        found: RequestOptions = options
        return found


class _Call:
    """The arguments of one call, by name.

    proposed: what a reviewer sees; a `**keywords` parameter's entries stand beside the other arguments.
    """

    def __init__(self, action: str, bound: inspect.BoundArguments) -> None:
        self._action = action
        self.bound = bound
        parameters = bound.signature.parameters
        self._receiver = next(iter(parameters), "") if next(iter(parameters), "") in ("self", "cls") else ""
        keywords = [name for name, each in parameters.items() if each.kind is inspect.Parameter.VAR_KEYWORD]
        self._keywords = keywords[0] if keywords else ""
        hidden = (self._receiver, self._keywords)
        self.proposed: dict[str, Any] = {name: value for name, value in bound.arguments.items() if name not in hidden}
        self.proposed.update(bound.arguments.get(self._keywords, {}))

    def frozen(self) -> _Call:
        """The call with copies of its arguments: while somebody decides, the program may go on changing its own."""
        bound = inspect.BoundArguments(self.bound.signature, type(self.bound.arguments)())
        for name, value in self.bound.arguments.items():
            bound.arguments[name] = value if name == self._receiver else _copied(value)
        return _Call(self._action, bound)

    def with_arguments(self, arguments: JsonObject) -> _Call:
        """The call with what was approved. Arguments that were not changed keep their types.

        Raises HandrailError when the reviewer's arguments do not fit the function.
        """
        named = {name: value for name, value in arguments.items() if name in self.bound.signature.parameters}
        named.pop(self._keywords, None)
        others = {name: value for name, value in arguments.items() if name not in named}
        if others and not self._keywords:
            raise HandrailError(f"{self._action} has no argument {', '.join(sorted(others))}, which the reviewer gave")
        bound = inspect.BoundArguments(self.bound.signature, type(self.bound.arguments)())
        for name, parameter in self.bound.signature.parameters.items():
            if name == self._receiver:
                bound.arguments[name] = self.bound.arguments[name]
            elif name == self._keywords:
                bound.arguments[name] = others
            elif name in named:
                if parameter.kind is parameter.VAR_POSITIONAL and not isinstance(named[name], list | tuple):
                    raise HandrailError(f"{self._action} needs a list for {name}, and the reviewer gave something else")
                before = self.proposed.get(name)
                same = name in self.proposed and _same(before, named[name])
                bound.arguments[name] = before if same else named[name]
            elif parameter.default is inspect.Parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL:
                raise HandrailError(f"{self._action} needs the argument {name}, which the reviewer removed")
        bound.apply_defaults()
        return _Call(self._action, bound)


def _copied(value: Any) -> Any:
    """A deep copy; what cannot be copied is no JSON either, and is refused when it is sent."""
    try:
        return copy.deepcopy(value)
    except Exception:
        return value


def _same(before: object, after: object) -> bool:
    """Whether both are the same JSON: 1, 1.0 and true differ, a tuple that came back as a list does not.

    before: the call's own, perhaps no JSON. after: from JSON.
    """
    try:
        sent = json.loads(json.dumps(before))
    except (TypeError, ValueError, RecursionError):
        return False
    return json.dumps(sent, sort_keys=True) == json.dumps(after, sort_keys=True)
