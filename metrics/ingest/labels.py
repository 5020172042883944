"""What a span says about its whole trace: tags and metadata. Pure."""

from metrics.ingest.limits import DIMENSION_BYTES, text
from metrics.ingest.plans import Plan
from metrics.ingest.reading import Reader, parsed, plain, says_something
from metrics.ingest.rows import Value
from metrics.ingest.semconv import METADATA_SAID_ELSEWHERE

MAX_TAGS = 50
MAX_METADATA = 64
METADATA_VALUE_BYTES = 1_000


def tags(reader: Reader, plan: Plan) -> tuple[str, ...]:
    """The tags, each once; a text is a list of them."""
    value = parsed(reader.first(plan.tags))
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]  # LangSmith: "a, b"
    if not isinstance(value, list):
        return ()
    named = (text(plain(one), DIMENSION_BYTES) for one in value[:MAX_TAGS] if says_something(one))
    return tuple(dict.fromkeys(tag for tag in named if tag))


def metadata(reader: Reader, plan: Plan, *, first: bool) -> dict[str, Value]:
    """Metadata that any span passes on for its trace and, of the `first` span of a trace, its own objects."""
    if not plan.metadata and not (first and (plan.entry_metadata or plan.entry_objects)):
        return {}
    pairs: list[tuple[str, Value]] = []
    attributes = reader.attributes
    if first:
        for name in plan.entry_objects:
            value = reader.json(name, attributes[name])
            if isinstance(value, dict):
                pairs += [(key, inner) for key, inner in value.items() if key not in METADATA_SAID_ELSEWHERE]
        pairs += [(short, attributes[name]) for name, short in plan.entry_metadata]
    pairs += [(short, attributes[name]) for name, short in plan.metadata]
    kept: dict[str, Value] = {}
    for name, value in pairs:
        if len(kept) < MAX_METADATA and says_something(value):
            kept[text(name, DIMENSION_BYTES)] = _small(parsed(value))
    return kept


def _small(value: Value) -> Value:
    if isinstance(value, bool | int | float):
        return value
    return text(plain(value), METADATA_VALUE_BYTES)
