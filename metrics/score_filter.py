"""What a list of scores is narrowed to. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScoreFilter:
    """Empty values do not narrow. Each of them has an index, so that no page reads what it does not show."""

    trace_id: bytes | None = None
    span_id: bytes | None = None
    session_id: str = ""
    names: tuple[str, ...] = ()
    external_ids: tuple[str, ...] = ()
