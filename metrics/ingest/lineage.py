"""What a span is within its trace: whether its usage counts, and whose agent's it is. Pure.

Both depend on the set of spans of the trace and not on the order in which they arrived.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from metrics.ingest.semconv import MODEL_KINDS

SpanKey = tuple[bytes, int]  # span id and start: what tells spans of one trace apart
_IN_TIME = attrgetter("start_ns", "span_id")


@dataclass(slots=True)
class Node:
    """What a trace needs to know of one of its spans. `agent` is empty unless the span names it itself."""

    span_id: bytes
    start_ns: int
    parent_span_id: bytes | None
    kind: str
    input_tokens: int | None
    output_tokens: int | None
    reported_cost_nanos: int | None
    agent: str = ""
    agent_version: str = ""

    @property
    def key(self) -> SpanKey:
        return (self.span_id, self.start_ns)

    @property
    def bears_usage(self) -> bool:
        """Whether the span reports tokens or money; zeros change no total, whoever they belong to."""
        return bool(self.input_tokens or self.output_tokens or self.reported_cost_nanos)


class Standing(NamedTuple):
    """What a trace makes of one of its spans."""

    counted: bool
    agent: str
    agent_version: str


def standings(nodes: Sequence[Node]) -> list[Standing]:
    """The standing of every span of one trace, in the order of the nodes."""
    # Sorted, so that two spans with one id (never seen from a correct sender) still give one answer.
    every = sorted(nodes, key=_IN_TIME)
    counting = counted(every)
    inherited = _inherited(every)
    found: list[Standing] = []
    for node in nodes:
        key = (node.span_id, node.start_ns)
        agent, version = inherited.get(key, (node.agent, node.agent_version))
        found.append(Standing(key in counting, agent, version))
    return found


def _inherited(nodes: list[Node]) -> dict[SpanKey, tuple[str, str]]:
    """Agent and version of the spans that name no agent, but have a span above them that does: of the nearest one."""
    silent = [node for node in nodes if not node.agent]
    if not silent or len(silent) == len(nodes):
        return {}
    speakers = {node.span_id: (node.agent, node.agent_version) for node in reversed(nodes) if node.agent}
    above = _Ancestry(nodes, speakers)
    return {node.key: speakers[speaker] for node in silent if (speaker := above.nearest(node)) is not None}


def counted(nodes: Iterable[Node]) -> set[SpanKey]:
    """The spans of one trace whose usage belongs in its totals.

    Usage counts where it is deepest: a span counts unless a span below it bears usage, because agents and wrappers
    repeat (or half repeat) their children. Only a model call that has another model call below it with different
    numbers is a call of its own, and both count.
    """
    every = list(nodes)
    bearing = [node for node in every if node.bears_usage]
    # Nothing is below what nobody names as a parent: the usual case, and the cheap one.
    if len(bearing) < 2 or {node.parent_span_id for node in every}.isdisjoint([node.span_id for node in bearing]):
        return {node.key for node in bearing}
    above = _Ancestry(every, {node.span_id for node in bearing})
    below: dict[bytes, list[Node]] = {}
    for node in bearing:
        holder = above.nearest(node)
        if holder is not None:
            below.setdefault(holder, []).append(node)
    return {node.key for node in bearing if _counts(node, below.get(node.span_id, ()))}


class _Ancestry:
    """The nearest of some spans above others. Every way up is walked once, however deep a trace is."""

    def __init__(self, nodes: Iterable[Node], wanted: Container[bytes]) -> None:
        self._wanted = wanted
        self._parents: dict[bytes, bytes | None] = {}
        for node in sorted(nodes, key=_IN_TIME):
            self._parents.setdefault(node.span_id, node.parent_span_id)
        self._known: dict[bytes, bytes | None] = {}

    def nearest(self, node: Node) -> bytes | None:
        """The id of the nearest wanted span above a span; None without one, also where parents form a circle."""
        above = node.parent_span_id
        passed: dict[bytes, None] = {}
        while above is not None and above not in self._wanted and above not in self._known and above not in passed:
            passed[above] = None
            above = self._parents.get(above)
        answer = above if above is not None and above in self._wanted else self._known.get(above or b"")
        self._known.update(dict.fromkeys(passed, answer))
        return None if answer == node.span_id else answer


def _counts(node: Node, below: Iterable[Node]) -> bool:
    nearest = list(below)
    if not nearest:
        return True
    if node.kind not in MODEL_KINDS or not all(one.kind in MODEL_KINDS for one in nearest):
        return False
    totals = (sum(one.input_tokens or 0 for one in nearest), sum(one.output_tokens or 0 for one in nearest))
    return not any(_repeats(node, *pair) for pair in [totals, *((o.input_tokens, o.output_tokens) for o in nearest)])


def _repeats(node: Node, input_tokens: int | None, output_tokens: int | None) -> bool:
    """Whether the node's figures, as far as it gives any, are the given ones."""
    same_input = node.input_tokens is None or node.input_tokens == (input_tokens or 0)
    same_output = node.output_tokens is None or node.output_tokens == (output_tokens or 0)
    return same_input and same_output
