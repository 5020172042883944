"""What a model call costs, by the dated offline prices of genai-prices, at the time of the call.

Money is integer nano-USD (1e-9 USD). The library's own calculation takes 70 microseconds; within a bracket of input
size its prices are linear in the token counts that we read, so its rates are read once and the sum is done in integers.
"""

from collections.abc import Mapping
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
from metrics.ingest.usage import SpokenUsage
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
    """Nano-USD times RATE_SCALE per token, for calls of more than `above` input tokens; `request` is per call.

    Those of audio are None where the price list has none: sound is never charged at the price of text.
    """

    above: int
    fresh_input: int
    output: int
    cache_read: int
    cache_write: int
    request: int
    audio_input: int | None
    audio_cache_read: int | None
    audio_output: int | None


class Portion(NamedTuple):
    """The tokens of a call that have one price; of the part `request` there is one."""

    part: str
    tokens: int
    rate: int | None


NO_PRICE = Price()
UNPRICED = Price(None, None, "unpriced")


def price(usage: Usage, *, provider: str, models: tuple[str, str], start_ns: int, reported: int | None) -> Price:
    """The price of a call that used `usage` at `start_ns`; `models` are its names, the most exact first.

    Computed when a model is known, else as reported, else `unpriced` with no amount: an unknown price is never 0. Where
    the price list knows the model but not what its audio costs, `unpriced` comes with what the rest cost at least.
    """
    if not (usage.input_tokens or usage.output_tokens):
        return NO_PRICE if reported is None else Price(reported, reported, "reported")
    for info in candidates(provider, *models):
        rates = rates_at(info, usage.input_tokens or 0, start_ns)
        if rates is None:
            continue
        if type(usage) is Usage:
            return Price(_cost(rates, usage), reported, "computed", PRICE_VERSION)
        return _spoken_price(rates, usage, reported)
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


def rates_at(info: ModelInfo, input_tokens: int, start_ns: int) -> Rates | None:
    """What a model charged at a time for a call of so much input; None where its price is not one of tokens."""
    # Prices begin on days or at times of day, at whole minutes.
    chosen = info.prices if isinstance(info.prices, ModelPrice) else _at(_Identity(info), start_ns // NS_PER_MINUTE)
    brackets = _brackets(_Identity(chosen))
    if not brackets:
        return None
    rates = brackets[0]
    for bracket in brackets[1:]:
        if input_tokens > bracket.above:
            rates = bracket
    return rates


def portions(rates: Rates, usage: Usage) -> tuple[Portion, ...]:
    """What of a call has which price. Nobody says how much of cached input was audio: as little as can have been."""
    given, gave = usage.input_tokens or 0, usage.output_tokens or 0
    cached = min(usage.cache_read_tokens or 0, given)
    written = min(usage.cache_write_tokens or 0, given - cached)
    fresh = given - cached - written
    heard = heard_cached = spoken = 0
    if isinstance(usage, SpokenUsage):
        heard = min(usage.audio_input_tokens, fresh)
        heard_cached = min(usage.audio_input_tokens - heard, cached)
        spoken = min(usage.audio_output_tokens, gave)
    return (
        Portion("input", fresh - heard, rates.fresh_input),
        Portion("audio_input", heard, rates.audio_input),
        Portion("cache_read", cached - heard_cached, rates.cache_read),
        Portion("audio_cache_read", heard_cached, rates.audio_cache_read),
        Portion("cache_write", written, rates.cache_write),
        Portion("output", gave - spoken, rates.output),
        Portion("audio_output", spoken, rates.audio_output),
        Portion("request", 1 if rates.request else 0, rates.request),
    )


def to_nano(scaled: int) -> int:
    """A sum of rates as whole nano-USD."""
    return (scaled + RATE_SCALE // 2) // RATE_SCALE


def _cost(rates: Rates, usage: Usage) -> int:
    """The sum of `portions` for usage without audio, which nearly every call is, in a quarter of the time."""
    given = usage.input_tokens or 0
    cached = min(usage.cache_read_tokens or 0, given)
    written = min(usage.cache_write_tokens or 0, given - cached)
    return to_nano(
        (given - cached - written) * rates.fresh_input
        + cached * rates.cache_read
        + written * rates.cache_write
        + (usage.output_tokens or 0) * rates.output
        + rates.request
    )


def _spoken_price(rates: Rates, usage: Usage, reported: int | None) -> Price:
    parts = [one for one in portions(rates, usage) if one.tokens]
    nanos = to_nano(sum(one.tokens * one.rate for one in parts if one.rate is not None))
    if all(one.rate is not None for one in parts):
        return Price(nanos, reported, "computed", PRICE_VERSION)
    if reported is not None:
        return Price(reported, reported, "reported")
    return Price(nanos, None, "unpriced", PRICE_VERSION) if nanos else UNPRICED


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
def _brackets(identity: _Identity[ModelPrice]) -> tuple[Rates, ...]:
    """The rates of a price by the input above which they hold; empty where it is one of hours, pages or characters."""
    prices = {name: value for name, value in vars(identity.entry).items() if value is not None}
    if not any(name.endswith("_mtok") for name in prices):
        return ()
    tiers = {tier.start for value in prices.values() if isinstance(value, TieredPrices) for tier in value.tiers}
    return tuple(
        _rates(above, {name: _above(value, above) for name, value in prices.items()}) for above in sorted({0, *tiers})
    )


def _above(value: Decimal | TieredPrices, tokens: int) -> Decimal:
    """What a unit costs in a call of one input token more than so many."""
    if isinstance(value, Decimal):
        return value
    return next((tier.price for tier in reversed(value.tiers) if tokens >= tier.start), value.base)


def _rates(above: int, prices: Mapping[str, Decimal]) -> Rates:
    chosen = ModelPrice(**prices)
    request = int(chosen.calc_price(LibraryUsage())["total_price"] * NANOS * RATE_SCALE)

    def probed(**tokens: int) -> int:
        total = chosen.calc_price(LibraryUsage(**tokens))["total_price"] * NANOS * RATE_SCALE
        return int((total - request) / PROBE_TOKENS)

    def listed(name: str) -> int | None:
        usd_per_million = prices.get(name)
        return None if usd_per_million is None else int(usd_per_million * NANOS * RATE_SCALE / 1_000_000)

    return Rates(
        above,
        fresh_input=probed(input_tokens=PROBE_TOKENS),
        output=probed(output_tokens=PROBE_TOKENS),
        cache_read=probed(input_tokens=PROBE_TOKENS, cache_read_tokens=PROBE_TOKENS),
        cache_write=probed(input_tokens=PROBE_TOKENS, cache_write_tokens=PROBE_TOKENS),
        request=request,
        audio_input=listed("input_audio_mtok"),
        audio_cache_read=listed("cache_audio_read_mtok"),
        audio_output=listed("output_audio_mtok"),
    )
