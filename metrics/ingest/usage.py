"""Tokens of a span, and which spans of a trace count, so that every token is counted once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from metrics.ingest.reading import Reader, whole
from metrics.ingest.rows import Usage
from metrics.ingest.semconv import MODEL_KINDS, Keys
from metrics.ingest.semconv_usage import CACHE_WRITE_PARTS, CONVENTIONS, Cached, UsageConvention


def read(reader: Reader) -> Usage:
    """The usage that a span reports, by the first convention that reports any; missing parts come from the others."""
    for position, convention in enumerate(CONVENTIONS):
        input_tokens = _count(reader, convention.input_tokens)
        output_tokens = _count(reader, convention.output_tokens)
        total = _count(reader, convention.total) if input_tokens is None or output_tokens is None else None
        if total is not None:
            # The total stands in only for a missing part.
            if input_tokens is None and output_tokens is None:
                input_tokens = total
            elif input_tokens is None:
                input_tokens = max(total - (output_tokens or 0), 0)
            elif output_tokens is None and total > input_tokens:
                output_tokens = total - input_tokens
        if input_tokens is not None or output_tokens is not None:
            return _complete(reader, convention, CONVENTIONS[position + 1 :], input_tokens, output_tokens)
    return Usage()


def _complete(
    reader: Reader,
    convention: UsageConvention,
    others: Iterable[UsageConvention],
    input_tokens: int | None,
    output_tokens: int | None,
) -> Usage:
    read_tokens, read_inside = _cached(reader, convention.cache_read)
    write_tokens, write_inside = _cached(reader, convention.cache_write)
    if write_tokens is None and (parts := _sum(reader, CACHE_WRITE_PARTS)) is not None:
        write_tokens, write_inside = parts, False
    reasoning = _count(reader, convention.reasoning)
    if input_tokens is not None:
        outside = (0 if read_inside else read_tokens or 0) + (0 if write_inside else write_tokens or 0)
        input_tokens += outside
    for other in others:
        # Another convention on the same span repeats the same call: its parts fill gaps, they add nothing.
        if read_tokens is None:
            read_tokens = _cached(reader, other.cache_read)[0]
        if write_tokens is None:
            write_tokens = _cached(reader, other.cache_write)[0]
        if reasoning is None:
            reasoning = _count(reader, other.reasoning)
    return Usage(input_tokens, output_tokens, read_tokens, write_tokens, reasoning)


def _count(reader: Reader, keys: Keys) -> int | None:
    for key in reader.present(keys):
        value = reader.get(key)
        if value is not None and (count := whole(value)) is not None:
            return count
    return None


def _sum(reader: Reader, keys: Keys) -> int | None:
    found = [count for key in reader.present(keys) if (count := whole(reader.get(key))) is not None]
    return sum(found) if found else None


def _cached(reader: Reader, places: tuple[Cached, ...]) -> tuple[int | None, bool]:
    for place in places:
        value = reader.get(place.key)
        if value is not None and (count := whole(value)) is not None:
            return count, place.inside
    return None, True


# --- counting once ----------------------------------------------------------------------------------------------------

SpanKey = tuple[bytes, int]  # span id and start: what tells spans of one trace apart


@dataclass(frozen=True, slots=True)
class Node:
    """What counting needs to know of a span of a trace."""

    span_id: bytes
    start_ns: int
    parent_span_id: bytes | None
    kind: str
    input_tokens: int | None
    output_tokens: int | None
    reported_cost_nanos: int | None

    @property
    def key(self) -> SpanKey:
        return (self.span_id, self.start_ns)

    @property
    def bears_usage(self) -> bool:
        """Whether the span reports tokens or money; zeros change no total, whoever they belong to."""
        return bool(self.input_tokens or self.output_tokens or self.reported_cost_nanos)


def counted(nodes: Iterable[Node]) -> set[SpanKey]:
    """The spans of one trace whose usage belongs in its totals.

    Usage counts where it is deepest: a span counts unless a span below it bears usage, because agents and wrappers
    repeat (or half repeat) their children. Only a model call that has another model call below it with different
    numbers is a call of its own, and both count. The result depends on the set of spans, not on their order.
    """
    every = list(nodes)
    bearing = [node for node in every if node.bears_usage]
    if len(bearing) < 2:
        return {node.key for node in bearing}
    parents: dict[bytes, bytes | None] = {}
    holders: dict[bytes, list[Node]] = {}
    # Sorted, so that two spans with one id (never seen from a correct sender) still give one answer.
    for node in sorted(every, key=lambda one: (one.start_ns, one.span_id)):
        parents.setdefault(node.span_id, node.parent_span_id)
        if node.bears_usage:
            holders.setdefault(node.span_id, []).append(node)
    below = _nearest_below(bearing, parents, holders)
    return {node.key for node in bearing if _counts(node, below.get(node.span_id, ()))}


def _nearest_below(
    bearing: Iterable[Node], parents: Mapping[bytes, bytes | None], holders: Mapping[bytes, list[Node]]
) -> dict[bytes, list[Node]]:
    """For each span id that bears usage, the usage-bearing spans below it with none between."""
    below: dict[bytes, list[Node]] = {}
    for node in bearing:
        seen = {node.span_id}
        above = node.parent_span_id
        while above is not None and above not in seen:
            if above in holders:
                below.setdefault(above, []).append(node)
                break
            seen.add(above)
            above = parents.get(above)
    return below


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
