"""Raw spans to rows in the console's terms. Pure: no clock, no database; which key means what is in semconv."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from metrics.ingest import content, labels, masked, outcome, packing, pricing, usage, vectors
from metrics.ingest.limits import (
    DIMENSION_BYTES,
    ID_BYTES,
    MAX_DETAIL_BYTES,
    NAME_BYTES,
    UNREADABLE,
    Refused,
    parent_id,
    refuse,
    text,
)
from metrics.ingest.masking import Masker
from metrics.ingest.plans import RESOURCE_KEYS, KindPlan, Plan, plan_of
from metrics.ingest.reading import Reader, parsed, plain
from metrics.ingest.rows import Batch, Price, RawSpan, Source, SpanRow, Usage, Value
from metrics.ingest.semconv import (
    DOTTED_PROVIDER,
    FIELDS,
    FINISH_REASONS,
    NOISE_SCOPES,
    NOISE_SPAN_KINDS,
    NOT_PROVIDERS,
    PROVIDER_HOST_ENDINGS,
    PROVIDER_HOSTS,
    STREAMING_OPERATIONS,
    TTFT_EVENTS,
)
from metrics.times import to_ns

TOO_OLD = "time too old"
PENDING = ("logfire.span_type", "pending_span")
MOST_TTFT = 86_400_000
NO_TEXTS: Mapping[str, str] = dict.fromkeys(FIELDS, "")


@dataclass(frozen=True, slots=True)
class Window:
    """The start times that are accepted, in nanoseconds, both ends included."""

    earliest_ns: int
    latest_ns: int

    def refusal(self, start_ns: int) -> str:
        """Why a time is refused, or nothing."""
        if start_ns < self.earliest_ns:
            return f"start {TOO_OLD}"
        return "start time too far in the future" if start_ns > self.latest_ns else ""


class Sender:
    """What all spans of one source have in common, worked out once."""

    __slots__ = ("environment", "known", "noise", "resource", "resource_json", "scope_json", "service", "source")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.resource = source.resource
        self.known = RESOURCE_KEYS.intersection(source.resource)
        self.noise = source.scope_name in NOISE_SCOPES
        self.resource_json = orjson.Fragment(_json(source.resource))
        self.scope_json = orjson.Fragment(_json({"name": source.scope_name, "version": source.scope_version}))
        said = dict(NO_TEXTS)
        reader = Reader({}, source.resource, "", {})
        reader.fill(said, plan_of({}, self.known).of_kind("other").texts)
        self.service, self.environment = service_name(said["service"]), said["environment"]


class Senders:
    """The senders of a batch, by its sources, which live as long as the batch; what they say is masked."""

    __slots__ = ("_known", "_masker")

    def __init__(self, masker: Masker | None) -> None:
        self._known: dict[int, Sender] = {}
        self._masker = masker

    def of(self, source: Source) -> Sender:
        """The sender of a row. Raises Refused when its resource cannot be kept."""
        found = self._known.get(id(source))
        if found is None:
            source_kept = source if self._masker is None else masked.source(source, self._masker)
            found = self._known[id(source)] = Sender(source_kept)
        return found


def spans(raw: Batch[RawSpan], window: Window, masker: Masker | None = None) -> Batch[SpanRow]:
    """The rows of a batch: what cannot be stored is counted in `refused`, and what was refused before stays so.

    With a masker, nothing that it finds is in any row.
    """
    batch: Batch[SpanRow] = Batch(refused=raw.refused)
    senders = Senders(masker)
    pending, preview = PENDING
    for one in raw.rows:
        if pending in one.attributes and one.attributes[pending] == preview:
            continue  # of a span that is still running; the span itself follows
        try:
            if not window.earliest_ns <= one.start_ns <= window.latest_ns:
                raise Refused(window.refusal(one.start_ns))
            if one.end_ns > window.latest_ns:
                raise Refused("end time too far in the future")
            sender = senders.of(one.source)
            row = _row(one, sender)
            batch.rows.append(row if masker is None else _masked(one, row, sender, masker))
        except UNREADABLE as error:  # Refused is one of them
            refuse(batch.refused, error)
    return batch


def span(raw: RawSpan) -> SpanRow:
    """The row of one span. Raises Refused when it is too large to keep."""
    return _row(raw, Sender(raw.source))


def _row(raw: RawSpan, sender: Sender) -> SpanRow:
    plan = plan_of(raw.attributes, sender.known)
    reader = Reader(raw.attributes, sender.resource, raw.name, plan.flat)
    kind, noise = _kind(raw, sender, reader, plan)
    of_kind = plan.of_kind(kind)
    used = usage.read(reader, of_kind.usage) if of_kind.usage else usage.NO_USAGE
    said = dict(NO_TEXTS)
    reader.fill(said, of_kind.texts)
    provider = "" if noise else _provider(reader, of_kind, said)
    status, error_type, error_message = _outcome(raw, plan, said)
    taken = content.take(reader, of_kind)
    finish_reason = _finish_reason(raw, kind, said["finish_reason"], taken.output)
    parent = parent_id(raw.parent_span_id)
    entry = (parent is None or raw.remote_parent) and not noise
    ttft_ns = _ttft(raw, plan) if plan.ttft or plan.ttft_moments or raw.events else None
    tags = labels.tags(reader, plan) if plan.tags else ()
    metadata = labels.metadata(reader, plan, first=parent is None)
    detail = _json(_detail(raw, sender, plan, kind, taken, tags, metadata))
    # By position: forty names would cost more than everything else in this function.
    return SpanRow(
        raw.trace_id, raw.span_id, raw.start_ns, max(raw.end_ns - raw.start_ns, 0), parent, entry, noise,
        text(raw.name, NAME_BYTES), kind, status, error_type, error_message,
        text(said["response_model"] or said["request_model"], DIMENSION_BYTES), provider, _tool(kind, said["tool"]),
        said["agent"], said["agent_id"], said["agent_version"], said["session_id"], said["user_id"],
        said["environment"], service_name(said["service"]), used, _price(raw, reader, plan, used, provider, said),
        finish_reason, ttft_ns, _streaming(reader, plan, ttft_ns), said["prompt_name"], said["prompt_version"],
        said["team"], tags, metadata, detail,
    )  # fmt: skip


def _kind(raw: RawSpan, sender: Sender, reader: Reader, plan: Plan) -> tuple[str, bool]:
    """The kind of a span, and whether it is noise: of an HTTP client, and without a word about agents or models."""
    stated = _stated_kind(reader, plan)
    if stated:
        return stated, False
    if sender.noise and raw.kind in NOISE_SPAN_KINDS:
        return "other", True
    return _evident_kind(reader, plan), False


def _outcome(raw: RawSpan, plan: Plan, said: Mapping[str, str]) -> outcome.Outcome:
    if raw.status_code == outcome.FAILED or raw.events or plan.may_fail or said["error_type"]:
        return outcome.of_span(raw, said["error_type"], said["error_message"])
    return outcome.OK


def _tool(kind: str, name: str) -> str:
    return name.removeprefix("execute_tool ").removesuffix(".tool") if kind == "tool" else ""


def _price(raw: RawSpan, reader: Reader, plan: Plan, used: Usage, provider: str, said: Mapping[str, str]) -> Price:
    return pricing.price(
        used,
        provider=provider,
        models=(said["response_model"], said["request_model"]),
        start_ns=raw.start_ns,
        reported=pricing.reported_nanos(reader, plan) if plan.cost or plan.cost_parts else None,
    )


def _masked(raw: RawSpan, row: SpanRow, sender: Sender, masker: Masker) -> SpanRow:
    """The row, without what the masker finds in it; who is meant by user and session can still be told apart."""
    if not masker.suspects(row.detail, raw.name, raw.status_message):
        return row
    kept = _row(masked.span(raw, masker), sender)
    user_id, session_id = row.user_id, row.session_id
    return replace(
        kept,
        user_id=user_id if kept.user_id == user_id else text(masker.identifier(user_id), ID_BYTES),
        session_id=session_id if kept.session_id == session_id else text(masker.identifier(session_id), ID_BYTES),
    )


def _stated_kind(reader: Reader, plan: Plan) -> str:
    for (name, key), values in plan.kinds:
        value = reader.attributes[name] if name else reader.get(key)
        if not isinstance(value, str) or not value:
            continue
        found = values.get(value)
        if found is None:
            word = plain(value).lower()
            found = values.get(word) or values.get("*." + word.rpartition(".")[2])
        if found:
            return found
    return ""


def _evident_kind(reader: Reader, plan: Plan) -> str:
    """The kind of a span that states none: the attributes of tools say a tool, a model and tokens say a model call."""
    if plan.is_tool:
        return "tool"
    as_model = plan.of_kind("llm")
    if as_model.usage and usage.read(reader, as_model.usage) != usage.NO_USAGE:
        said = dict(NO_TEXTS)
        reader.fill(said, as_model.texts)
        if said["response_model"] or said["request_model"]:
            return "llm"
    return "other"


def _provider(reader: Reader, plan: KindPlan, said: Mapping[str, str]) -> str:
    attributes = reader.attributes
    for entry in plan.provider:
        name = reader.text((entry,)).lower()
        if DOTTED_PROVIDER in attributes and "." in name:
            name = name.partition(".")[0]
        if name and name not in NOT_PROVIDERS:
            return text(name, DIMENSION_BYTES)
    prefix, slash, _ = (said["response_model"] or said["request_model"]).partition("/")
    if slash:
        return text(prefix.lower(), DIMENSION_BYTES)
    if "server.address" not in attributes:
        return ""
    host = plain(attributes["server.address"]).lower()
    return PROVIDER_HOSTS.get(host) or next((name for end, name in PROVIDER_HOST_ENDINGS if host.endswith(end)), "")


def service_name(name: str) -> str:
    """The name of a service; SDKs that were given none write `unknown_service:...`."""
    return "" if name.startswith("unknown_service") else name


def _finish_reason(raw: RawSpan, kind: str, given: str, output: Value) -> str:
    if not given and kind != "tool" and (output is not None or raw.events):
        given = content.finish_reason(output, raw.events)
    if given[:1] == "[":
        given = plain(parsed(given))  # a list that was sent as text
    return FINISH_REASONS.get(given) or FINISH_REASONS.get(given.lower()) or text(given, DIMENSION_BYTES)


def _ttft(raw: RawSpan, plan: Plan) -> int | None:
    for key, unit in plan.ttft:
        value = raw.attributes[key]
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST_TTFT:
            return round(value * unit)
    moments = [_moment_ns(plain(raw.attributes[key])) for key in plan.ttft_moments]
    moments += [event.time_ns for event in raw.events if event.name in TTFT_EVENTS][:1]
    found = next((moment for moment in moments if moment is not None), None)
    return found - raw.start_ns if found is not None and raw.start_ns <= found <= raw.end_ns else None


def _moment_ns(moment: str) -> int | None:
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return None if at.tzinfo is None else to_ns(at)


def _streaming(reader: Reader, plan: Plan, ttft_ns: int | None) -> bool | None:
    if plan.streaming:
        value = reader.first(plan.streaming)
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
    key, ending = STREAMING_OPERATIONS
    if key in reader.attributes and plain(reader.attributes[key]).lower().endswith(ending):
        return True
    return True if ttft_ns is not None else None


def _detail(
    raw: RawSpan,
    sender: Sender,
    plan: Plan,
    kind: str,
    taken: content.Taken,
    tags: tuple[str, ...],
    metadata: Mapping[str, Value],
) -> dict[str, Any]:
    """What is kept beyond the columns. Content is as it came, and what is empty is left out."""
    attributes = taken.attributes
    _shorten_vectors(attributes, plan)
    output = vectors.shortened(taken.output) if kind == "embedding" else taken.output
    detail: dict[str, Any] = {
        "attributes": attributes,
        "resource": sender.resource_json,
        "scope": sender.scope_json,
    }
    if taken.input is not None:
        detail["input"] = taken.input
    if output is not None:
        detail["output"] = output
    if taken.system is not None:
        detail["system"] = taken.system
    if raw.events:
        detail["events"] = [
            {"name": event.name, "time_ns": event.time_ns, "attributes": event.attributes} for event in raw.events
        ]
    if raw.links:
        detail["links"] = [
            {"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex(), "attributes": link.attributes}
            for link in raw.links
        ]
    if tags:
        detail["tags"] = tags
    if metadata:
        detail["metadata"] = metadata
    if len(raw.name) > NAME_BYTES // 4:
        detail["name"] = raw.name
    return detail


def _shorten_vectors(attributes: dict[str, Value], plan: Plan) -> None:
    for name, value in attributes.items():
        # Assigning to a name that is there does not disturb the iteration.
        if type(value) is list and len(value) > vectors.LONGEST_LIST:
            attributes[name] = vectors.shortened(value)
    for name in plan.vectors:
        if name in attributes:
            attributes[name] = vectors.shortened(attributes[name])


def _json(value: Mapping[str, Any]) -> bytes:
    """The value as JSON. Raises Refused when it is none or too large to keep."""
    try:
        encoded = orjson.dumps(value)
    except TypeError as error:
        raise Refused("attributes cannot be stored") from error
    if len(encoded) > MAX_DETAIL_BYTES:
        raise Refused(f"larger than {MAX_DETAIL_BYTES} bytes")
    return encoded


def pack(detail: Mapping[str, Any]) -> bytes:
    """The packed detail of a row. Raises Refused when it is too large to keep."""
    return packing.pack_json(_json(detail))
