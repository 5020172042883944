"""Labels that people gave to traces, as the TRAIL benchmark writes them, to scores.

{"trace_id", "errors": [{"category", "location" (a span id), "evidence", "description", "impact"}],
 "scores": [{"<name>_score": number, "<name>_reasoning": text, ..., "overall": number}]}
"""

from collections.abc import Iterator, Mapping
from typing import Any

from metrics import scoring
from metrics.ingest.limits import SPAN_ID_BYTES, TRACE_ID_BYTES, Malformed
from metrics.scoring import COMMENT_CHARS, LABEL_CHARS, Draft, Refused, cut

ERROR = "error"
SCORE_SUFFIX = "_score"
REASON_SUFFIX = "_reasoning"
EVIDENCE_CHARS = 3_000
MOST = 10_000


def drafts_of(document: Any) -> list[Draft]:
    """The scores that a file of labels gives its trace and spans. Raises Malformed naming the field that is wrong."""
    if not isinstance(document, Mapping):
        raise Malformed("body: an object expected")
    trace_id = _trace_id(document)
    found = [_error(trace_id, n, _object(entry, f"errors[{n}]")) for n, entry in enumerate(_list(document, "errors"))]
    for n, entry in enumerate(_list(document, "scores")):
        found += _scores(trace_id, n, _object(entry, f"scores[{n}]"))
    if len(found) > MOST:
        raise Malformed(f"errors: more than {MOST} labels")
    return found


def _error(trace_id: bytes, index: int, entry: Mapping[str, Any]) -> Draft:
    category = cut(_text(entry, "category", f"errors[{index}]"), LABEL_CHARS)
    if not category:
        raise Malformed(f"errors[{index}].category: is required")
    facts = {
        "impact": cut(_text(entry, "impact", f"errors[{index}]"), LABEL_CHARS),
        "evidence": cut(_text(entry, "evidence", f"errors[{index}]"), EVIDENCE_CHARS),
    }
    location = _text(entry, "location", f"errors[{index}]")
    try:
        span_id = scoring.hex_id(entry, "location", SPAN_ID_BYTES)
    except Refused:
        span_id, facts["location"] = None, cut(location, LABEL_CHARS)  # what is no span is said of the trace
    return Draft(
        trace_id=trace_id,
        span_id=span_id,
        name=ERROR,
        label=category,
        comment=cut(_text(entry, "description", f"errors[{index}]"), COMMENT_CHARS),
        external_id=f"label:{trace_id.hex()}:{ERROR}:{index}",
        metadata={name: text for name, text in facts.items() if text},
    )


def _scores(trace_id: bytes, index: int, entry: Mapping[str, Any]) -> Iterator[Draft]:
    for key, value in entry.items():
        if key.endswith(REASON_SUFFIX):
            continue
        name = key.removesuffix(SCORE_SUFFIX)
        path = f"scores[{index}].{key}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Malformed(f"{path}: a number expected")
        yield Draft(
            trace_id=trace_id,
            name=cut(name, scoring.NAME_CHARS) or "score",
            value=float(value),
            comment=cut(_text(entry, f"{name}{REASON_SUFFIX}", f"scores[{index}]"), COMMENT_CHARS),
            external_id=f"label:{trace_id.hex()}:{index}:{name}"[: scoring.EXTERNAL_ID_CHARS],
        )


def _trace_id(document: Mapping[str, Any]) -> bytes:
    try:
        found = scoring.hex_id(document, "trace_id", TRACE_ID_BYTES)
    except Refused as refusal:
        raise Malformed(str(refusal)) from refusal
    if found is None:
        raise Malformed("trace_id: is required")
    return found


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Malformed(f"{path}: an object expected")
    return value


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(f"{key}: a list expected")
    return value


def _text(entry: Mapping[str, Any], key: str, path: str) -> str:
    value = entry.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{path}.{key}: text expected")
    return value
