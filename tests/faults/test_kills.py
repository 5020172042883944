"""kill -9 in the middle of a load: what was acknowledged is there once, and everything comes back by itself."""

import psutil

from tests.e2e.running import Console
from tests.faults import killing
from tests.faults.examining import Stored
from tests.faults.exporting import HARMLESS, Load, batches, over_grpc, send_all


def kill_postgres(console: Console) -> None:
    killing.kill_with_all_below(killing.server(console, "postgres"))


def kill_a_backend(console: Console) -> None:
    """The one that has worked most; PostgreSQL then ends all others as well, and recovers."""
    backends = [one for one in killing.server(console, "postgres").children() if "handrail" in " ".join(one.cmdline())]
    max(backends, key=lambda one: one.cpu_times().user).kill()


def kill_a_web_worker(console: Console) -> None:
    killing.web_workers(console)[0].kill()


def kill_valkey(console: Console) -> None:
    killing.server(console, "valkey-server").kill()


def test_a_load_survives_kill_minus_nine_of_everything_in_turn(console: Console, stored: Stored) -> None:
    some = batches(150, seed=1)
    load = Load(console, some).start()
    for share, fault in ((0.2, kill_a_web_worker), (0.4, kill_postgres), (0.6, kill_a_backend), (0.8, kill_valkey)):
        load.wait_for(share)
        assert load.sending, f"nothing was on its way any more before {fault.__name__}"
        fault(console)
    load.finish()
    killing.recovers(console)
    assert (load.given_up, set(load.answers) - HARMLESS) == ([], set())
    assert load.answers[0] + load.answers[503] > 0
    stored.check_spans(load.acknowledged)
    stored.check_figures()
    before = stored.figures()
    send_all(console, some)
    assert stored.figures() == before


def test_a_load_over_grpc_survives_kill_minus_nine(console: Console, stored: Stored) -> None:
    load = Load(console, batches(60, seed=2), over_grpc).start()
    load.wait_for(0.3)
    assert load.sending
    killing.command(console, "otlp").kill()
    load.finish()
    assert (load.given_up, set(load.answers) - HARMLESS) == ([], set())
    stored.check_spans(load.acknowledged)


def test_batches_of_exporters_that_do_not_retry_are_there_whole_or_not_at_all(console: Console, stored: Stored) -> None:
    load = Load(console, batches(80, seed=3), connections=8, patience=0.0).start()
    load.wait_for(0.2)
    kill_postgres(console)
    load.wait_for(0.5)
    for worker in killing.web_workers(console):
        worker.kill()
    load.finish()
    killing.recovers(console)
    assert load.acknowledged
    assert load.given_up
    assert set(load.answers) <= HARMLESS
    stored.check_spans(load.acknowledged, load.given_up)
    send_all(console, load.given_up)
    stored.check_spans([*load.acknowledged, *load.given_up])
    stored.check_figures()


def test_what_came_back_left_nothing_behind(console: Console) -> None:
    names = [one.name() for one in psutil.Process(console.process.pid).children()]
    assert names.count("postgres") == 1
    assert len(killing.web_workers(console)) == 2
