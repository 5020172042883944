"""The prices behind a cost, for people: which tokens of a call cost how much. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from metrics.ingest import pricing, usage
from metrics.ingest.plans import RESOURCE_KEYS, plan_of
from metrics.ingest.pricing import Rates
from metrics.ingest.reading import Reader
from metrics.ingest.rows import Usage

# Rates are nano-USD times RATE_SCALE per token.
_PER_MILLION_USD = Decimal(1_000_000) / (pricing.NANOS * pricing.RATE_SCALE)


@dataclass(frozen=True, slots=True)
class Line:
    """Tokens of one price. `usd` is per million of them, or of the one request; None with `nanos` where not known.

    `above`: the price is that of calls of more input tokens than this.
    """

    part: str
    tokens: int
    usd: Decimal | None
    nanos: int | None
    above: int = 0

    @property
    def rate_text(self) -> str:
        """The price without a power of ten."""
        return "" if self.usd is None else format(self.usd, "f")


@dataclass(frozen=True, slots=True)
class Call:
    """A call to a model as it was stored, with what its attributes say beyond that."""

    kind: str
    provider: str
    model: str
    start_ns: int
    usage: Usage
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]


def lines(call: Call, cost_nanos: int | None) -> list[Line]:
    """How a computed cost came about: lines whose amounts sum to it, to the nano-dollar.

    Empty where they would not: the price list of today is not always the one that the cost was computed with.
    """
    models, used = _said(call)
    for info in pricing.candidates(call.provider, *models):
        rates = pricing.rates_at(info, used.input_tokens or 0, call.start_ns)
        if rates is not None:
            found = _lines(rates, used)
            return found if sum(line.nanos or 0 for line in found) == cost_nanos else []
    return []


def _said(call: Call) -> tuple[tuple[str, str], Usage]:
    """The names of the model in the order in which they were priced, and usage with its audio."""
    plan = plan_of(call.attributes, RESOURCE_KEYS.intersection(call.resource))
    of_kind = plan.of_kind(call.kind)
    reader = Reader(call.attributes, call.resource, "", plan.flat)
    said = {"response_model": "", "request_model": ""}
    reader.fill(said, [one for one in of_kind.texts if one[0] in said])
    read = usage.read(reader, of_kind.usage)
    return (said["response_model"] or call.model, said["request_model"]), read if read == call.usage else call.usage


def _lines(rates: Rates, used: Usage) -> list[Line]:
    found, before = [], 0
    for part, tokens, rate in pricing.portions(rates, used):
        if not tokens:
            continue
        if rate is None:
            found.append(Line(part, tokens, None, None))
            continue
        # Rounded as the sum is: each line is what it adds to the rounded sum of those before it.
        amount = pricing.to_nano(before + tokens * rate) - pricing.to_nano(before)
        before += tokens * rate
        per = _PER_MILLION_USD / 1_000_000 if part == "request" else _PER_MILLION_USD
        found.append(Line(part, tokens, (rate * per).normalize(), amount, 0 if part == "request" else rates.above))
    return found
