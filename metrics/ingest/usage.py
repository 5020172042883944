"""Tokens of a span, whatever convention reports them. Which spans of a trace count is in metrics.ingest.lineage."""

from collections.abc import Iterable

from metrics.ingest.reading import Reader, whole
from metrics.ingest.rows import Usage
from metrics.ingest.semconv import Keys
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
