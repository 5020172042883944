"""Tokens of a span, whatever convention reports them. Which spans of a trace count is in metrics.ingest.lineage."""

from collections.abc import Iterable

from metrics.ingest.plans import CachedEntries, Entries, UsagePlan
from metrics.ingest.reading import Reader, whole
from metrics.ingest.rows import Usage

NO_USAGE = Usage()


class SpokenUsage(Usage):
    """Usage of which some was audio, which has prices of its own. Input and output include it."""

    audio_input_tokens: int = 0
    audio_output_tokens: int = 0


def read(reader: Reader, plans: tuple[UsagePlan, ...]) -> Usage:
    """The usage that a span reports, by the first convention that reports any; missing parts come from the others."""
    for plan in plans:
        input_tokens = _count(reader, plan.input_tokens)
        output_tokens = _count(reader, plan.output_tokens)
        total = _count(reader, plan.total) if input_tokens is None or output_tokens is None else None
        if total is not None:
            # The total stands in only for a missing part.
            if input_tokens is None and output_tokens is None:
                input_tokens = total
            elif input_tokens is None:
                input_tokens = max(total - (output_tokens or 0), 0)
            elif output_tokens is None and total > input_tokens:
                output_tokens = total - input_tokens
        if input_tokens is not None or output_tokens is not None:
            return _complete(reader, plan, plans, input_tokens, output_tokens)
    return NO_USAGE


def _complete(
    reader: Reader, plan: UsagePlan, plans: Iterable[UsagePlan], input_tokens: int | None, output_tokens: int | None
) -> Usage:
    read_tokens, read_inside = _cached(reader, plan.cache_read)
    write_tokens, write_inside = _cached(reader, plan.cache_write)
    if write_tokens is None and plan.cache_write_parts:
        write_tokens, write_inside = _sum(reader, plan.cache_write_parts), False
    reasoning = _count(reader, plan.reasoning)
    if input_tokens is not None:
        outside = (0 if read_inside else read_tokens or 0) + (0 if write_inside else write_tokens or 0)
        input_tokens += outside
    for other in plans:
        # Another convention on the same span repeats the same call: its parts fill gaps, they add nothing.
        if other is plan:
            continue
        if read_tokens is None:
            read_tokens = _cached(reader, other.cache_read)[0]
        if write_tokens is None:
            write_tokens = _cached(reader, other.cache_write)[0]
        if reasoning is None:
            reasoning = _count(reader, other.reasoning)
    found = Usage(input_tokens, output_tokens, read_tokens, write_tokens, reasoning)
    return found if not plan.audio else _spoken(reader, plan.audio, found)


def _spoken(reader: Reader, audio: tuple[Entries, Entries], found: Usage) -> Usage:
    heard, said = (_count(reader, entries) or 0 for entries in audio)
    if not (heard or said):
        return found
    spoken = SpokenUsage(*found)
    spoken.audio_input_tokens, spoken.audio_output_tokens = heard, said
    return spoken


def _count(reader: Reader, entries: Entries) -> int | None:
    for name, key in entries:
        value = reader.attributes[name] if name else reader.get(key)
        if value is not None and (count := whole(value)) is not None:
            return count
    return None


def _sum(reader: Reader, entries: Entries) -> int | None:
    found = [count for _, key in entries if (count := whole(reader.get(key))) is not None]
    return sum(found) if found else None


def _cached(reader: Reader, places: CachedEntries) -> tuple[int | None, bool]:
    for (_, key), inside in places:
        value = reader.get(key)
        if value is not None and (count := whole(value)) is not None:
            return count, inside
    return None, True
