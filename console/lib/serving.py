"""How the interpreter of a process that serves requests is set up: garbage collection, and how threads take turns."""

import gc
import sys

SWITCH_SECONDS = 0.001
GC_THRESHOLDS = (20_000, 20, 50)


def settle() -> None:
    """For the rest of the process's life; called when everything has been imported.

    Telemetry arrives as hundreds of thousands of small objects a second that live until their batch is stored. Looking
    through all of them, and through everything that was imported, after every 700th costs 8 % of decoding.
    """
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    # Whoever waits for an answer waits for the event loop, and that for whichever thread is computing: at most so long.
    sys.setswitchinterval(SWITCH_SECONDS)
