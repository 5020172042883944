"""The prices behind a cost, for people: dollars per million tokens of a model at a moment. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from genai_prices.types import ModelPrice, TieredPrices

from metrics.ingest.pricing import lookup
from metrics.times import from_ns

# Attribute of the price list to what the tokens are called here.
PARTS = (
    ("input_mtok", "input"),
    ("cache_read_mtok", "cache_read"),
    ("cache_write_mtok", "cache_write"),
    ("output_mtok", "output"),
)


@dataclass(frozen=True, slots=True)
class Rate:
    """USD per million tokens. `tiered`: from some size of the input on, the price list asks another price."""

    part: str
    usd: Decimal
    tiered: bool = False


def rates_of(provider: str, models: tuple[str, ...], start_ns: int) -> list[Rate]:
    """The rates of the first model that the price list knows, as they were at a time; empty when it knows none."""
    info = next((found for model in models if (found := lookup(provider, model)) is not None), None)
    if info is None:
        return []
    prices = info.prices if isinstance(info.prices, ModelPrice) else info.get_prices(from_ns(start_ns))
    rates = []
    for name, part in PARTS:
        value = getattr(prices, name)
        if isinstance(value, TieredPrices):
            rates.append(Rate(part, value.base, tiered=True))
        elif value is not None:
            rates.append(Rate(part, value))
    return rates
