"""Children are restarted when they die, stopped together but for servers, and killed when they will not go."""

import os
import signal
import sys
import threading
from pathlib import Path

import psutil
import pytest

from console.lib.supervisor import Child, ChildFailed, Supervisor
from tests.waiting import eventually

# Goes when the other has been asked as well, and says so; a second signal would be in what it says.
PATIENT = """
import os, signal, sys, time
mine, other = sys.argv[1:]
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
open(mine, "w").close()
while not (asked and os.path.exists(other + ".asked")):
    if asked:
        open(mine + ".asked", "w").close()
    time.sleep(0.01)
open(mine + ".asked", "w").close()
time.sleep(0.3)
open(mine + ".gone", "w").write(str(len(asked)))
"""
SERVER = """
import os, signal, sys, time
first, second = sys.argv[1:]
def stop(*_):
    raise SystemExit(0 if os.path.exists(first + ".gone") and os.path.exists(second + ".gone") else 1)
signal.signal(signal.SIGTERM, stop)
open(first + ".server", "w").close()
time.sleep(600)
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({!r}, 'w').close(); time.sleep(600)"
)


def child(name: str, code: str, **facts: object) -> Child:
    return Child(name=name, argv=[sys.executable, "-c", code], env=dict(os.environ), **facts)  # type: ignore[arg-type]


def pid_of(process: Child) -> int:
    assert process.process is not None
    return process.process.pid


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_child_comes_back(tmp_path: Path) -> None:
    supervisor = Supervisor()
    sleeper = child("sleeper", "import time; time.sleep(600)")
    sleeper.backoff = 0.01
    supervisor.start(sleeper)
    first = pid_of(sleeper)
    watcher = threading.Thread(target=supervisor.watch)
    watcher.start()
    os.kill(first, signal.SIGKILL)
    eventually(lambda: pid_of(sleeper) != first and alive(pid_of(sleeper)))
    supervisor._on_signal(signal.SIGTERM, None)
    watcher.join()
    supervisor.stop()
    assert not alive(pid_of(sleeper))


def test_what_a_killed_child_had_started_goes_with_it(tmp_path: Path) -> None:
    note = tmp_path / "grandchild"
    code = "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    code += f"open({str(note)!r}, 'w').write(str(p.pid)); time.sleep(600)"
    master = child("master", code, ready=lambda: note.exists() and note.read_text() != "")
    master.spawn()
    master.wait_ready()
    grandchild = int(note.read_text())
    os.kill(pid_of(master), signal.SIGKILL)
    master.stop()
    eventually(lambda: not alive(grandchild) or psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE)


def test_backoff_doubles_while_a_child_keeps_dying() -> None:
    supervisor = Supervisor()
    broken = child("broken", "raise SystemExit(3)")
    broken.backoff = 0.01
    supervisor.start(broken)
    watcher = threading.Thread(target=supervisor.watch)
    watcher.start()
    eventually(lambda: broken.backoff >= 0.04)
    supervisor._on_signal(signal.SIGTERM, None)
    watcher.join()
    supervisor.stop()


def test_a_child_that_cannot_be_started_for_a_while_is_tried_again(tmp_path: Path) -> None:
    supervisor = Supervisor()
    folder = tmp_path / "logs"
    folder.mkdir()
    sleeper = child("sleeper", "import time; time.sleep(600)", log=folder / "log")
    sleeper.backoff = 0.01
    supervisor.start(sleeper)
    first = pid_of(sleeper)
    # As on a full disk: its log cannot be opened.
    folder.rename(tmp_path / "away")
    watcher = threading.Thread(target=supervisor.watch)
    watcher.start()
    os.kill(first, signal.SIGKILL)
    eventually(lambda: sleeper.backoff >= 0.04)
    assert watcher.is_alive()
    folder.mkdir()
    eventually(lambda: pid_of(sleeper) != first and alive(pid_of(sleeper)))
    supervisor._on_signal(signal.SIGTERM, None)
    watcher.join()
    supervisor.stop()


def test_a_child_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    stubborn = child("stubborn", STUBBORN.format(str(mark)), stop_seconds=0.1, ready=mark.exists)
    stubborn.spawn()
    stubborn.wait_ready()
    stubborn.stop()
    assert stubborn.process is not None
    assert stubborn.process.returncode == -signal.SIGKILL


def test_all_are_asked_at_once_and_once_and_servers_when_the_others_have_gone(tmp_path: Path) -> None:
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    server = child("server", SERVER, ready=lambda: Path(first + ".server").exists(), server=True)
    server.argv = [*server.argv, first, second]
    others = [child("other", PATIENT, ready=Path(mine).exists) for mine in (first, second)]
    for one, names in zip(others, ((first, second), (second, first)), strict=True):
        one.argv = [*one.argv, *names]
    supervisor = Supervisor()
    for one in (server, *others):
        supervisor.start(one)
        one.wait_ready()
    supervisor.stop()
    assert [one.process.returncode for one in (server, *others) if one.process] == [0, 0, 0]
    assert [Path(one + ".gone").read_text() for one in (first, second)] == ["1", "1"]


def test_a_child_that_ends_before_it_is_ready_says_where_its_log_is(tmp_path: Path) -> None:
    failing = child("failing", "raise SystemExit(7)", ready=lambda: False, log=tmp_path / "failing.log")
    failing.spawn()
    with pytest.raises(ChildFailed, match=r"exit status 7; see .*failing\.log"):
        failing.wait_ready()


def test_a_slow_child_is_given_up_on() -> None:
    slow = child("slow", "import time; time.sleep(600)", ready=lambda: False, ready_seconds=0.05)
    slow.spawn()
    with pytest.raises(ChildFailed, match="was not ready"):
        slow.wait_ready()
    slow.stop()
