"""A worker whose event loop waits for nothing any more connects to the broker anew."""

from types import SimpleNamespace

import pytest

from console.lib import broker


def test_a_loop_that_waits_for_nothing_for_a_while_has_lost_its_connection() -> None:
    now = 0.0
    hub = SimpleNamespace(readers={7: "the broker"})
    look = broker._look(hub, lambda: now)
    for _ in range(3):
        now += 20.0
        look()
    hub.readers.clear()
    now += broker.LONGEST_DEAF_SECONDS
    look()
    hub.readers[8] = "the broker again"
    look()
    hub.readers.clear()
    now += broker.LONGEST_DEAF_SECONDS
    look()
    now += 0.1
    with pytest.raises(ConnectionResetError, match="broker"):
        look()


def test_each_connection_is_looked_after_until_it_ends() -> None:
    consumer = SimpleNamespace(hub=SimpleNamespace(readers={}, on_tick=set()))
    step = broker.Listening(consumer)
    for _ in range(2):
        step.start(consumer)
        assert len(consumer.hub.on_tick) == 1
        step.stop(consumer)
        assert not consumer.hub.on_tick


def test_a_worker_without_an_event_loop_is_left_alone() -> None:
    consumer = SimpleNamespace(hub=None)
    step = broker.Listening(consumer)
    step.start(consumer)
    step.stop(consumer)
