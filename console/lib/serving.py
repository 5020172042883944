"""How the interpreter of a process with much to do is set up: garbage collection, and how threads take turns."""

import gc
import sys

SWITCH_SECONDS = 0.001
GC_THRESHOLDS = (20_000, 20, 50)


def settle() -> None:
    """For the rest of the life of a process that serves requests; called when everything has been imported."""
    collect_rarely()
    # Whoever waits for an answer waits for the event loop, and that for whichever thread is computing: at most so long.
    sys.setswitchinterval(SWITCH_SECONDS)


def collect_rarely() -> None:
    """For a process in which telemetry is read; called when everything has been imported.

    Telemetry arrives as hundreds of thousands of small objects a second that live until their batch is stored. Looking
    through all of them, and through everything that was imported, after every 700th costs 8 % of decoding.
    """
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
