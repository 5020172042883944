"""Money: the library's prices at the time of the call, in integers, without what the library would remember."""

from datetime import UTC, datetime

import pytest
from genai_prices import Usage as LibraryUsage
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

from metrics.ingest import pricing
from metrics.ingest.rows import Usage
from metrics.times import to_ns
from tests.metrics.ingest.test_normalising import START, row

USAGES = (Usage(1_000, 100), Usage(150_001, 777, 40_000, 3_000), Usage(200_000, 10), Usage(300_001, 20_000, 300_001))
NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


def models() -> list[ModelInfo]:
    """Models of those who make them."""
    return [
        model for provider in get_snapshot().providers if provider.id in pricing.MAKERS for model in provider.models
    ]


def test_integer_prices_are_those_of_the_library_for_every_model() -> None:
    differing = []
    for model in models():
        chosen = model.get_prices(NOW)
        for usage in USAGES:
            ours = pricing._cost(model, usage, to_ns(NOW))
            theirs = chosen.calc_price(
                LibraryUsage(
                    input_tokens=usage.input_tokens,
                    output_tokens=usage.output_tokens,
                    cache_read_tokens=usage.cache_read_tokens or 0,
                    cache_write_tokens=usage.cache_write_tokens or 0,
                )
            )["total_price"]
            if ours is None or abs(ours - int(theirs * 10**9)) > 1:
                differing.append((model.id, usage, ours, theirs))
    assert differing == []


def test_some_of_these_models_have_tiers_and_some_new_prices() -> None:
    tiered = [
        model
        for model in models()
        if isinstance(model.prices, ModelPrice)
        and any(isinstance(price, TieredPrices) for price in vars(model.prices).values())
    ]
    assert tiered
    assert any(not isinstance(model.prices, ModelPrice) for model in models())


@pytest.mark.parametrize(("day", "tokens_cost"), [(datetime(2026, 3, 12, 23, 59, tzinfo=UTC), 10_000), (NOW, 5_000)])
def test_a_call_costs_what_it_cost_when_it_was_made(day: datetime, tokens_cost: int) -> None:
    # Until 12 March 2026 more than 200,000 tokens of input made each of them cost twice as much.
    price = pricing.price(
        Usage(300_000, 0), provider="anthropic", models=("claude-opus-4-6", ""), start_ns=to_ns(day), reported=None
    )
    assert price.nanos == 300_000 * tokens_cost


def test_reported_and_computed_cost_are_both_kept() -> None:
    price = row({
        "gen_ai.request.model": "gpt-4o", "gen_ai.provider.name": "openai", "gen_ai.usage.input_tokens": 10,
        "operation.cost": 0.5,
    }).price  # fmt: skip
    assert (price.nanos, price.reported_nanos, price.source) == (25_000, 500_000_000, "computed")
    assert price.version == pricing.PRICE_VERSION


def test_reasoning_is_part_of_the_output_and_costs_nothing_more() -> None:
    called = {"gen_ai.request.model": "o3", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 100}
    with_reasoning = row({**called, "gen_ai.usage.reasoning.output_tokens": 60})
    assert with_reasoning.usage.output_tokens == 100
    assert with_reasoning.price.nanos == row(called).price.nanos


def test_the_answering_model_is_priced_before_the_one_that_was_asked_for() -> None:
    price = row({
        "gen_ai.request.model": "house-router", "gen_ai.response.model": "gpt-4o", "gen_ai.usage.input_tokens": 10,
    }).price  # fmt: skip
    assert price.nanos == 25_000


def test_endless_names_of_models_fill_no_memory() -> None:
    snapshot = get_snapshot()
    before = len(snapshot._provider_misses) + len(snapshot._provider_cache) + len(snapshot._lookup_cache)
    for number in range(30):
        assert pricing.lookup("", f"unheard-of-{number}") is None
    assert pricing.lookup("openai", "gpt-4o" + "-" * pricing.LONGEST_MODEL) is None
    assert len(snapshot._provider_misses) + len(snapshot._provider_cache) + len(snapshot._lookup_cache) == before
    for cache in (pricing.lookup, pricing.candidates, pricing._at, pricing._brackets):
        assert cache.cache_info().maxsize == 4_096


def test_no_tokens_cost_nothing_and_are_not_unpriced() -> None:
    assert pricing.price(Usage(0, 0), provider="", models=("x", ""), start_ns=START, reported=None) == pricing.NO_PRICE
