"""Which of the many known keys a span can have at all, by the names of its attributes.

SDKs send few shapes of spans again and again. For each the tables of semconv are narrowed down once to the keys that
are there, so that a span is asked for nothing that it cannot have.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from metrics.ingest.limits import DIMENSION_BYTES, ID_BYTES, MESSAGE_BYTES
from metrics.ingest.rows import Attributes
from metrics.ingest.semconv import (
    ENTRY_METADATA,
    ENTRY_PREFIXES,
    ERROR_VALUES,
    FIELDS,
    INPUT,
    KIND_VALUES,
    LOGFIRE_LEVEL,
    METADATA_SAID_ELSEWHERE,
    OUTPUT,
    PROVIDER,
    STATED_STATUS,
    STREAMING,
    TAGS,
    TOOL_MARKS,
    TRACE_METADATA,
    TTFT,
    TTFT_MOMENTS,
    VECTOR_ENDINGS,
    VECTORS,
    Key,
    Keys,
)
from metrics.ingest.semconv_usage import (
    AUDIO_INPUT,
    AUDIO_OUTPUT,
    CONVENTIONS,
    REPORTED_COST,
    REPORTED_COST_PARTS,
    Cached,
)

# Shapes that are kept. Whoever sends ever new ones pays for each, a fraction of what the span costs, and fills nothing.
MOST_PLANS = 1_024
MOST_NAMES = 256
MOST_NAME_CHARS = 8_192

FIELD_BYTES: Mapping[str, int] = {
    "response_model": ID_BYTES,
    "request_model": ID_BYTES,
    "agent_id": ID_BYTES,
    "session_id": ID_BYTES,
    "user_id": ID_BYTES,
    "error_message": MESSAGE_BYTES,
}

# A key, and its name once more where the value is simply that of the attribute.
Entry = tuple[str, Key]
Entries = tuple[Entry, ...]
CachedEntries = tuple[tuple[Entry, bool], ...]


@dataclass(frozen=True, slots=True)
class UsagePlan:
    """A convention of semconv_usage, narrowed down."""

    input_tokens: Entries
    output_tokens: Entries
    total: Entries
    cache_read: CachedEntries
    cache_write: CachedEntries
    reasoning: Entries
    cache_write_parts: Entries
    # Where the audio of the input and of the output may be said, by any convention; nothing where it cannot be.
    audio: tuple[Entries, Entries] | None = None


@dataclass(frozen=True, slots=True)
class KindPlan:
    """What a span of one shape and kind may have. `texts` are fields, the bytes that each may take, and their keys."""

    texts: tuple[tuple[str, int, Entries], ...]
    provider: Entries
    input: Entries
    output: Entries
    usage: tuple[UsagePlan, ...]


@dataclass(slots=True)
class Plan:
    """What spans of one shape may have, whatever their kind."""

    names: frozenset[str]
    resource: frozenset[str]
    # Names of flattened lists by their prefix.
    flat: dict[str, tuple[str, ...]] = field(default_factory=dict)
    kinds: tuple[tuple[Entry, Mapping[str, str]], ...] = ()
    is_tool: bool = False
    may_fail: bool = False
    tags: Entries = ()
    streaming: Entries = ()
    ttft: tuple[tuple[str, int], ...] = ()
    ttft_moments: tuple[str, ...] = ()
    cost: Entries = ()
    cost_parts: tuple[Entries, ...] = ()
    vectors: tuple[str, ...] = ()
    # Attributes with metadata of the trace, and what each is called there: of any span, and of the first one only.
    metadata: tuple[tuple[str, str], ...] = ()
    entry_metadata: tuple[tuple[str, str], ...] = ()
    entry_objects: tuple[str, ...] = ()
    _by_kind: dict[str, KindPlan] = field(default_factory=dict)

    def of_kind(self, kind: str) -> KindPlan:
        """The plan for spans of one of semconv's kinds."""
        found = self._by_kind.get(kind)
        if found is None:
            found = self._by_kind[kind] = self._narrowed(kind)
        return found

    def _narrowed(self, kind: str) -> KindPlan:
        texts = (
            (name, FIELD_BYTES.get(name, DIMENSION_BYTES), self.present(keys, kind)) for name, keys in FIELDS.items()
        )
        return KindPlan(
            texts=tuple(one for one in texts if one[2]),
            provider=self.present(PROVIDER, kind),
            input=self.present(INPUT, kind),
            output=self.present(OUTPUT, kind),
            usage=self._usage(kind),
        )

    def _usage(self, kind: str) -> tuple[UsagePlan, ...]:
        plans = []
        heard, said = self.present(AUDIO_INPUT, kind), self.present(AUDIO_OUTPUT, kind)
        for one in CONVENTIONS:
            plan = UsagePlan(
                self.present(one.input_tokens, kind),
                self.present(one.output_tokens, kind),
                self.present(one.total, kind),
                self._cached(one.cache_read, kind),
                self._cached(one.cache_write, kind),
                self.present(one.reasoning, kind),
                self.present(one.cache_write_parts, kind),
            )
            if plan != _NO_USAGE_PLAN:
                plans.append(replace(plan, audio=(heard, said)) if heard or said else plan)
        return tuple(plans)

    def _cached(self, places: Iterable[Cached], kind: str) -> CachedEntries:
        return tuple((entry, place.inside) for place in places for entry in self.present((place.key,), kind))

    def present(self, keys: Keys, kind: str = "") -> Entries:
        """The keys that spans of this shape and kind can have a value for."""
        names = self.names
        return tuple(
            (key.name if key.place == "span" and not key.path else "", key)
            for key in keys
            if (key.name in names if key.place == "span" else self._elsewhere(key)) and key.kind in ("", kind)
        )

    def _elsewhere(self, key: Key) -> bool:
        if key.place == "resource":
            return key.name in self.resource
        return key.place == "title" or key.name in self.flat


_NO_USAGE_PLAN = UsagePlan((), (), (), (), (), (), ())
_PREFIXES = tuple(dict.fromkeys(key.name for key in (*INPUT, *OUTPUT, *FIELDS["finish_reason"]) if key.place == "flat"))
RESOURCE_KEYS = frozenset(key.name for keys in FIELDS.values() for key in keys if key.place == "resource")

_plans: dict[tuple[frozenset[str], tuple[str, ...]], Plan] = {}
_lock = threading.Lock()


def plan_of(attributes: Attributes, resource: frozenset[str]) -> Plan:
    """The plan for a span with these attributes; `resource` are those of RESOURCE_KEYS that its resource has."""
    names = tuple(attributes)
    key = (resource, names)
    plan = _plans.get(key)
    if plan is None:
        plan = _made(names, resource)
        if len(names) <= MOST_NAMES and sum(map(len, names)) <= MOST_NAME_CHARS:
            with _lock:
                while len(_plans) >= MOST_PLANS:
                    del _plans[next(iter(_plans))]
                _plans[key] = plan
    return plan


def _made(names: tuple[str, ...], resource: frozenset[str]) -> Plan:
    plan = Plan(frozenset(names), resource)
    known = plan.names
    plan.flat = _flat(names)
    plan.kinds = tuple((entry, values) for key, values in KIND_VALUES for entry in plan.present((key,)))
    plan.is_tool = not known.isdisjoint(TOOL_MARKS)
    plan.may_fail = not known.isdisjoint((STATED_STATUS, LOGFIRE_LEVEL, *(key for key, _ in ERROR_VALUES)))
    plan.tags = plan.present(TAGS)
    plan.streaming = plan.present(STREAMING)
    plan.ttft = tuple(one for one in TTFT if one[0] in known)
    plan.ttft_moments = tuple(name for name in TTFT_MOMENTS if name in known)
    plan.cost = plan.present(REPORTED_COST)
    plan.cost_parts = tuple(found for keys in REPORTED_COST_PARTS if (found := plan.present(keys)))
    plan.vectors = tuple(name for name in names if name in VECTORS or name.endswith(VECTOR_ENDINGS))
    plan.metadata = tuple(_behind(names, TRACE_METADATA))
    plan.entry_metadata = tuple(_behind(names, ENTRY_PREFIXES))
    plan.entry_objects = tuple(name for name in ENTRY_METADATA if name in known)
    return plan


def _flat(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for prefix in _PREFIXES:
        behind = tuple(name for name in names if name.startswith(prefix))
        if any(name[len(prefix) : len(prefix) + 1].isdigit() for name in behind):
            found[prefix] = behind
    return found


def _behind(names: tuple[str, ...], prefixes: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    for name in names:
        for prefix in prefixes:
            short = name.removeprefix(prefix)
            if short != name and short not in METADATA_SAID_ELSEWHERE:
                yield name, short
