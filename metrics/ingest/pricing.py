"""What a model call costs, by the dated offline prices of genai-prices, at the time of the call.

Money is integer nano-USD (1e-9 USD). The library's own calculation takes 70 microseconds; where its prices are linear
in the four token counts that we keep, its rates are read once and the same sum is done in integers.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache
from importlib.metadata import version

from genai_prices import Usage as LibraryUsage
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

from metrics.ingest.reading import Reader
from metrics.ingest.rows import Price, Usage, Value
from metrics.ingest.semconv_usage import REPORTED_COST, REPORTED_COST_PARTS
from metrics.times import from_ns

PRICE_VERSION = f"genai-prices {version('genai-prices')}"
NANOS = Decimal(1_000_000_000)
MAX_NANOS = 2**53
# Rates are kept in a trillionth of a dollar's millionth per token, so that every published price is a whole number.
RATE_SCALE = 10**6
PROBE_TOKENS = 1_000_000
MAKERS = frozenset({"openai", "anthropic", "google", "mistral", "cohere", "deepseek", "x-ai", "voyageai"})


@dataclass(frozen=True, slots=True)
class Rates:
    """Nano-USD times RATE_SCALE per token."""

    fresh_input: int
    output: int
    cache_read: int
    cache_write: int


def price(usage: Usage, *, provider: str, models: tuple[str, ...], start_ns: int, reported: int | None) -> Price:
    """The price of a call that used `usage` at `start_ns`; `models` are its names, the most exact first.

    Computed when a model is known, else as reported, else `unpriced` with no amount: an unknown price is never 0.
    """
    if not (usage.input_tokens or usage.output_tokens):
        return Price(reported, reported, "reported" if reported is not None else "")
    for model in models:
        info = lookup(provider, model)
        if info is not None:
            nanos = _cost(info, usage, start_ns)
            if nanos is not None:
                return Price(nanos, reported, "computed", PRICE_VERSION)
    if reported is not None:
        return Price(reported, reported, "reported")
    return Price(None, None, "unpriced") if any(models) else Price()


def reported_nanos(reader: Reader) -> int | None:
    """The money that the span itself reports, in nano-USD; negative amounts count as 0."""
    for key in reader.present(REPORTED_COST):
        amount = to_nanos(reader.get(key))
        if amount is not None:
            return amount
    for parts in REPORTED_COST_PARTS:
        amounts = [amount for key in reader.present(parts) if (amount := to_nanos(reader.get(key))) is not None]
        if amounts:
            return sum(amounts)
    return None


def to_nanos(value: Value) -> int | None:
    """USD as a number or text to nano-USD; None when it is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    if not amount.is_finite():
        return None
    if amount > MAX_NANOS / NANOS:
        return MAX_NANOS
    return int((max(amount, Decimal(0)) * NANOS).to_integral_value(ROUND_HALF_EVEN))


@lru_cache(maxsize=4096)
def lookup(provider: str, model: str) -> ModelInfo | None:
    """The model of the price list that a provider and a model name mean, or None."""
    if not model:
        return None
    snapshot = get_snapshot()
    attempts: list[tuple[str | None, str]] = [(provider or None, model)]
    prefix, slash, rest = model.partition("/")
    if slash:
        attempts += [(prefix, rest), (provider or None, rest)]
    if provider:
        # Azure, gateways and proxies are providers without a price list of their own.
        attempts.append((None, rest if slash else model))
    for provider_id, name in attempts:
        try:
            return snapshot.find_provider_model(name, None, provider_id, None)[1]
        except LookupError:
            continue
    # Names that identify no provider, such as those of embedding models, are tried with those who make models.
    for provider_known in snapshot.providers:
        if provider_known.id in MAKERS and (
            found := provider_known.find_model(rest.lower() if slash else model.lower())
        ):
            return found
    return None


def _cost(info: ModelInfo, usage: Usage, start_ns: int) -> int | None:
    prices = info.prices
    chosen = prices if isinstance(prices, ModelPrice) else info.get_prices(from_ns(start_ns))
    rates = _rates(_Identity(chosen))
    if rates is None:
        return _by_library(chosen, usage)
    cached = min(usage.cache_read_tokens or 0, usage.input_tokens or 0)
    written = min(usage.cache_write_tokens or 0, (usage.input_tokens or 0) - cached)
    fresh = (usage.input_tokens or 0) - cached - written
    scaled = (
        fresh * rates.fresh_input
        + cached * rates.cache_read
        + written * rates.cache_write
        + (usage.output_tokens or 0) * rates.output
    )
    return (scaled + RATE_SCALE // 2) // RATE_SCALE


class _Identity:
    """A price as a cache key: the library's prices compare by value, slowly, and cannot be hashed."""

    __slots__ = ("price",)

    def __init__(self, price: ModelPrice) -> None:
        self.price = price

    def __hash__(self) -> int:
        return id(self.price)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.price is self.price


@lru_cache(maxsize=4096)
def _rates(identity: _Identity) -> Rates | None:
    """The linear rates of a price, or None where it has tiers or does not know tokens."""
    chosen = identity.price
    values = [value for value in vars(chosen).values() if value is not None]
    if any(isinstance(value, TieredPrices) for value in values):
        return None
    return Rates(
        fresh_input=_probe(chosen, LibraryUsage(input_tokens=PROBE_TOKENS)),
        output=_probe(chosen, LibraryUsage(output_tokens=PROBE_TOKENS)),
        cache_read=_probe(chosen, LibraryUsage(input_tokens=PROBE_TOKENS, cache_read_tokens=PROBE_TOKENS)),
        cache_write=_probe(chosen, LibraryUsage(input_tokens=PROBE_TOKENS, cache_write_tokens=PROBE_TOKENS)),
    )


def _probe(chosen: ModelPrice, usage: LibraryUsage) -> int:
    per_token = chosen.calc_price(usage)["total_price"] / PROBE_TOKENS
    return int(per_token * NANOS * RATE_SCALE)


def _by_library(chosen: ModelPrice, usage: Usage) -> int | None:
    cached = min(usage.cache_read_tokens or 0, usage.input_tokens or 0)
    try:
        total = chosen.calc_price(
            LibraryUsage(
                input_tokens=usage.input_tokens or 0,
                output_tokens=usage.output_tokens or 0,
                cache_read_tokens=cached,
                cache_write_tokens=min(usage.cache_write_tokens or 0, (usage.input_tokens or 0) - cached),
            )
        )["total_price"]
    except ValueError:
        return None
    return int((total * NANOS).to_integral_value(ROUND_HALF_EVEN))
