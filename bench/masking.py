"""`python -m bench.masking`: what masking adds to decoding and normalising, by how many spans hold something to mask.

The budget is a quarter of all that a span costs until it is stored, of which decoding and normalising are a part: here
the share is of that part alone, so the share of the whole is smaller.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import orjson

from bench import payloads
from bench.table import Figure, show
from metrics.ingest import normalise, otlp
from metrics.ingest.masking import Masker, Plan, Policy
from metrics.ingest.masking_own import OwnPattern
from metrics.ingest.rows import Batch, RawSpan

ROUNDS = 7
SPANS = 4_000
BATCH = 100
END_NS = 1_795_219_776_000_000_000
WINDOW = normalise.Window(0, 2**63 - 1)
PERSONAL = " Write to ana.maria@example.com or call +49 170 1234567."
OWN = tuple(OwnPattern(f"own-{place}", rf"\bC{place}-[0-9]{{6}}\b") for place in range(5))


def figures() -> Iterator[Figure]:
    """Microseconds of processor time a span, with and without, measured in turns."""
    for share in (0, 10, 100):
        yield from _figures(share)


def _figures(percent: int) -> list[Figure]:
    raws = [_with_personal(otlp.spans(one.content, json=False), percent) for one in payloads.bodies(
        SPANS // BATCH, batch=BATCH, end_ns=END_NS
    )]  # fmt: skip
    plan, own = Plan(Policy(key=b"bench")), Plan(Policy(key=b"bench", patterns=OWN))
    details = [row.detail for raw in raws for row in normalise.spans(_copy(raw), WINDOW).rows]
    plain, masked, with_own, looked = _in_turns(
        lambda: [normalise.spans(_copy(raw), WINDOW) for raw in raws],
        lambda: [normalise.spans(_copy(raw), WINDOW, Masker(plan)) for raw in raws],
        lambda: [normalise.spans(_copy(raw), WINDOW, Masker(own)) for raw in raws],
        lambda: [plan.suspects(detail) for detail in details],
    )
    name = f"{percent:3} % of spans with personal data"
    suspected = sum(plan.suspects(detail) for detail in details) / len(details)
    return [
        Figure(f"{name}: normalise", plain, "us/span"),
        Figure(f"{name}: normalise and mask", masked, "us/span"),
        Figure(f"{name}: normalise and mask, with 5 own patterns", with_own, "us/span"),
        Figure(f"{name}: the quick look alone, {sum(map(len, details)) / len(details):,.0f} bytes", looked, "us/span"),
        Figure(f"{name}: spans that had to be walked", suspected * 100, "%"),
        Figure(f"{name}: masking / normalising", masked / plain - 1),
    ]


def _in_turns(*steps: Callable[[], Any]) -> list[float]:
    """The median of microseconds a span of each step; in turns, so that what else the machine does hits all alike."""
    found: list[list[float]] = [[] for _ in steps]
    for _ in range(ROUNDS):
        for times, step in zip(found, steps, strict=True):
            started = time.thread_time()
            step()
            times.append((time.thread_time() - started) / SPANS * 1e6)
    return [statistics.median(times) for times in found]


def _copy(raw: Batch[RawSpan]) -> Batch[RawSpan]:
    return Batch(rows=list(raw.rows))


def _with_personal(raw: Batch[RawSpan], percent: int) -> Batch[RawSpan]:
    rows = [
        replace(one, attributes=_said(one.attributes))
        if place * percent // 100 != (place + 1) * percent // 100
        else one
        for place, one in enumerate(raw.rows)
    ]
    return Batch(rows=rows)


def _said(attributes: Any) -> dict[str, Any]:
    """The attributes with personal data in the last message, or in one of their own where there is none."""
    changed = dict(attributes)
    name = "gen_ai.input.messages"
    if name not in changed:
        return changed | {"note": PERSONAL}
    changed[name] = changed[name][:-4] + orjson.dumps(PERSONAL).decode()[1:-1] + changed[name][-4:]
    return changed


if __name__ == "__main__":
    show(figures())
