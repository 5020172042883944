"""What a model call costs, by the dated offline prices of genai-prices, at the time of the call.

Money is integer nano-USD (1e-9 USD). The library's own calculation takes 70 microseconds; where its prices are linear
in the four token counts that we keep, its rates are read once and the same sum is done in integers.
"""

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache
from importlib.metadata import version
from typing import Generic, NamedTuple, TypeVar

from genai_prices import Usage as LibraryUsage
from genai_prices.data_snapshot import DataSnapshot, get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

from metrics.ingest.plans import Plan
from metrics.ingest.reading import Reader
from metrics.ingest.rows import Price, Usage, Value
from metrics.times import NS_PER_MINUTE, from_ns

PRICE_VERSION = f"genai-prices {version('genai-prices')}"
NANOS = Decimal(1_000_000_000)
# More than one call can cost. Sums of many spans have to fit 64 bits, and one could wreck a day's cost.
MOST_USD = Decimal(10_000)
# Rates are kept in a trillionth of a dollar's millionth per token, so that every published price is a whole number.
RATE_SCALE = 10**6
PROBE_TOKENS = 1_000_000
# Longer names are no models; each that is looked up is searched for in the whole list.
LONGEST_MODEL = 200
MAKERS = frozenset({"openai", "anthropic", "google", "mistral", "cohere", "deepseek", "x-ai", "voyageai"})

Listed = TypeVar("Listed")


class Rates(NamedTuple):
    """Nano-USD times RATE_SCALE per token, for calls of more than `above` input tokens."""

    above: int
    fresh_input: int
    output: int
    cache_read: int
    cache_write: int


NO_PRICE = Price()
UNPRICED = Price(None, None, "unpriced")


def price(usage: Usage, *, provider: str, models: tuple[str, str], start_ns: int, reported: int | None) -> Price:
    """The price of a call that used `usage` at `start_ns`; `models` are its names, the most exact first.

    Computed when a model is known, else as reported, else `unpriced` with no amount: an unknown price is never 0.
    """
    if not (usage.input_tokens or usage.output_tokens):
        return NO_PRICE if reported is None else Price(reported, reported, "reported")
    for info in candidates(provider, *models):
        nanos = _cost(info, usage, start_ns)
        if nanos is not None:
            return Price(nanos, reported, "computed", PRICE_VERSION)
    if reported is not None:
        return Price(reported, reported, "reported")
    return UNPRICED if models[0] or models[1] else NO_PRICE


def reported_nanos(reader: Reader, plan: Plan) -> int | None:
    """The money that the span itself reports, in nano-USD; negative amounts count as 0."""
    for _, key in plan.cost:
        amount = to_nanos(reader.get(key))
        if amount is not None:
            return amount
    for parts in plan.cost_parts:
        amounts = [amount for _, key in parts if (amount := to_nanos(reader.get(key))) is not None]
        if amounts:
            return sum(amounts)
    return None


def to_nanos(value: Value) -> int | None:
    """USD as a number or text to nano-USD; None when it is no finite number, or more than one call can cost."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount > MOST_USD:
        return None
    return int((max(amount, Decimal(0)) * NANOS).to_integral_value(ROUND_HALF_EVEN))


@lru_cache(maxsize=4096)
def candidates(provider: str, *models: str) -> tuple[ModelInfo, ...]:
    """The models of the price list that a provider and the names of a model may mean, the best first."""
    return tuple(info for model in dict.fromkeys(models) if (info := lookup(provider, model)) is not None)


@lru_cache(maxsize=4096)
def lookup(provider: str, model: str) -> ModelInfo | None:
    """The model of the price list that a provider and a model name mean, or None."""
    if not model or len(model) > LONGEST_MODEL:
        return None
    # The library remembers every name that it was ever asked about: of a snapshot that is thrown away, it cannot.
    snapshot = DataSnapshot(get_snapshot().providers, from_auto_update=False)
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
    # Prices begin on days or at times of day, at whole minutes.
    chosen = info.prices if isinstance(info.prices, ModelPrice) else _at(_Identity(info), start_ns // NS_PER_MINUTE)
    brackets = _brackets(_Identity(chosen))
    if brackets is None:
        return _by_library(chosen, usage)
    given = usage.input_tokens or 0
    rates = brackets[0]
    for bracket in brackets[1:]:
        if given > bracket.above:
            rates = bracket
    cached = min(usage.cache_read_tokens or 0, given)
    written = min(usage.cache_write_tokens or 0, given - cached)
    scaled = (
        (given - cached - written) * rates.fresh_input
        + cached * rates.cache_read
        + written * rates.cache_write
        + (usage.output_tokens or 0) * rates.output
    )
    return (scaled + RATE_SCALE // 2) // RATE_SCALE


class _Identity(Generic[Listed]):
    """An entry of the price list as a cache key: the library's compare by value, slowly, and cannot be hashed."""

    __slots__ = ("entry",)

    def __init__(self, entry: Listed) -> None:
        self.entry = entry

    def __hash__(self) -> int:
        return id(self.entry)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.entry is self.entry


@lru_cache(maxsize=4096)
def _at(identity: _Identity[ModelInfo], minute: int) -> ModelPrice:
    return identity.entry.get_prices(from_ns(minute * NS_PER_MINUTE))


@lru_cache(maxsize=4096)
def _brackets(identity: _Identity[ModelPrice]) -> tuple[Rates, ...] | None:
    """The linear rates of a price by the input above which they hold; None where requests cost something too."""
    prices = {name: value for name, value in vars(identity.entry).items() if value is not None}
    if any(name.startswith("requests") for name in prices):
        return None
    tiers = {tier.start for value in prices.values() if isinstance(value, TieredPrices) for tier in value.tiers}
    return tuple(
        _rates(above, ModelPrice(**{name: _above(value, above) for name, value in prices.items()}))
        for above in sorted({0, *tiers})
    )


def _above(value: Decimal | TieredPrices, tokens: int) -> Decimal:
    """What a unit costs in a call of one input token more than so many."""
    if isinstance(value, Decimal):
        return value
    return next((tier.price for tier in reversed(value.tiers) if tokens >= tier.start), value.base)


def _rates(above: int, chosen: ModelPrice) -> Rates:
    return Rates(
        above,
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
