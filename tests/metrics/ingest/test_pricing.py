"""Money: the library's prices at the time of the call, in integers, without what the library would remember."""

from datetime import UTC, datetime

import pytest
from genai_prices import Usage as LibraryUsage
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

from metrics import prices_shown
from metrics.ingest import pricing
from metrics.ingest.rows import Usage
from metrics.ingest.usage import SpokenUsage
from metrics.times import to_ns
from tests.metrics.ingest.test_normalising import START, row

USAGES = (Usage(1_000, 100), Usage(150_001, 777, 40_000, 3_000), Usage(200_000, 10), Usage(300_001, 20_000, 300_001))
NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


def models() -> list[ModelInfo]:
    """Every model of the price list."""
    return [model for provider in get_snapshot().providers for model in provider.models]


def priced_by_tokens(prices: ModelPrice) -> bool:
    return any(name.endswith("_mtok") and value is not None for name, value in vars(prices).items())


def by_library(prices: ModelPrice, usage: Usage, **audio: int) -> int:
    total = prices.calc_price(
        LibraryUsage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens or 0,
            cache_write_tokens=usage.cache_write_tokens or 0,
            **audio,
        )
    )["total_price"]
    return int(total * 10**9)


def called(model: ModelInfo, usage: Usage) -> int | None:
    rates = pricing.rates_at(model, usage.input_tokens or 0, to_ns(NOW))
    return None if rates is None else pricing._cost(rates, usage)


def test_integer_prices_are_those_of_the_library_for_every_model() -> None:
    differing = []
    for model in models():
        chosen = model.get_prices(NOW)
        for usage in USAGES:
            ours = called(model, usage)
            theirs = by_library(chosen, usage) if priced_by_tokens(chosen) else None
            if ours != theirs and (ours is None or theirs is None or abs(ours - theirs) > 1):
                differing.append((model.id, usage, ours, theirs))
    assert differing == []


def test_the_parts_of_a_price_sum_to_it_for_every_model() -> None:
    """What the page of a span shows row by row is what ingest computed at once."""
    summed = 0
    for model in models():
        for usage in USAGES:
            rates = pricing.rates_at(model, usage.input_tokens or 0, to_ns(NOW))
            if rates is not None:
                amounts = [line.nanos or 0 for line in prices_shown._lines(rates, usage)]
                assert sum(amounts) == pricing._cost(rates, usage), (model.id, usage)
                summed += 1
    assert summed > 1_000


def test_audio_costs_what_the_library_says_for_every_model_that_has_a_price_for_it() -> None:
    heard = 0
    for model in models():
        chosen = model.get_prices(NOW)
        if {"input_audio_mtok", "output_audio_mtok", "output_mtok"} <= vars(chosen).keys():
            rates = pricing.rates_at(model, 1_000, to_ns(NOW))
            assert rates is not None
            price = pricing._spoken_price(rates, spoken(Usage(1_000, 300), 900, 200), None)
            theirs = by_library(chosen, Usage(1_000, 300), input_audio_tokens=900, output_audio_tokens=200)
            assert price.source == "computed"
            assert price.nanos is not None
            assert abs(price.nanos - theirs) <= 1, model.id
            heard += 1
    assert heard > 5


def spoken(usage: Usage, heard: int, said: int) -> SpokenUsage:
    found = SpokenUsage(*usage)
    found.audio_input_tokens, found.audio_output_tokens = heard, said
    return found


AUDIO = {"gen_ai.provider.name": "openai", "gen_ai.usage.input_tokens": 1_000, "gen_ai.usage.output_tokens": 100}


def test_audio_is_not_charged_at_the_price_of_text() -> None:
    call = {**AUDIO, "gen_ai.request.model": "gpt-audio", "gen_ai.usage.audio.input_tokens": 900}
    assert row(call).usage == Usage(1_000, 100)
    assert row(call).price.nanos == 100 * 2_500 + 900 * 32_000 + 100 * 10_000


def test_audio_without_a_price_leaves_a_call_unpriced_in_part() -> None:
    call = {**AUDIO, "gen_ai.request.model": "gpt-4o-audio-preview", "gen_ai.usage.audio.input_tokens": 900}
    price = row(call).price
    assert (price.nanos, price.source) == (100 * 2_500 + 100 * 10_000, "unpriced")
    assert row({**call, "operation.cost": 0.5}).price[:3] == (500_000_000, 500_000_000, "reported")


def test_more_audio_than_can_be_fresh_was_read_from_the_cache() -> None:
    rates = pricing.Rates(0, 10, 20, 1, 11, 0, 100, 5, 200)
    parts = {one.part: one.tokens for one in pricing.portions(rates, spoken(Usage(1_000, 50, 600, 100), 500, 90))}
    assert parts == {
        "input": 0, "audio_input": 300, "cache_read": 400, "audio_cache_read": 200, "cache_write": 100, "output": 0,
        "audio_output": 50, "request": 0,
    }  # fmt: skip


def test_what_is_priced_by_the_hour_is_unpriced_and_not_free() -> None:
    called_by_hour = {
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "whisper-1",
        "gen_ai.usage.input_tokens": 9,
    }
    assert row({"gen_ai.operation.name": "chat", **called_by_hour}).price == pricing.UNPRICED


def test_each_request_costs_what_the_price_list_asks_for_it() -> None:
    call = {"gen_ai.provider.name": "perplexity", "gen_ai.request.model": "sonar", "gen_ai.usage.input_tokens": 1_000}
    assert row(call).price.nanos == 1_000 * 1_000 + 12_000_000


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
