"""Run the fleet: `python -m fleet` beside this folder, or `python sdk/examples/fleet`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

if not __package__:
    # Started as a folder, Python knows the modules here but not the package around them.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from fleet import crew
from handrail import HandrailError

DEFAULT_BACKFILL_HOURS = 6.0


def main() -> int:
    """Parse the arguments and run until the work is done or somebody says stop."""
    options = _parser().parse_args()
    if not options.url or not options.key:
        print("Set HANDRAIL_URL and HANDRAIL_API_KEY, or pass --url and --key.", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(_run(options))
    except HandrailError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _run(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    address = crew.Address(options.url, options.key)
    if options.once:
        await crew.run_once(address, seed=options.seed, speed=options.speed, stop=stop)
    else:
        await crew.run_live(address, seed=options.seed, speed=options.speed, backfill_hours=options.backfill, stop=stop)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fleet", description="Three sample agents at work under Handrail.")
    parser.add_argument("--url", default=os.environ.get("HANDRAIL_URL"), help="default: HANDRAIL_URL")
    parser.add_argument("--key", default=os.environ.get("HANDRAIL_API_KEY"), help="default: HANDRAIL_API_KEY")
    parser.add_argument("--seed", type=int, default=1, help="what happens is drawn from this (default: %(default)s)")
    parser.add_argument("--speed", type=_speed, default=1.0, help="how much faster than life (default: %(default)s)")
    parser.add_argument("--once", action="store_true", help="one job with an approval per agent, then end")
    parser.add_argument(
        "--backfill",
        type=_hours,
        nargs="?",
        const=DEFAULT_BACKFILL_HOURS,
        default=0.0,
        metavar="HOURS",
        help=f"send traces of the last HOURS first ({DEFAULT_BACKFILL_HOURS:g} when not said, at most "
        f"{crew.LONGEST_BACKFILL_HOURS:g})",
    )
    return parser


def _speed(text: str) -> float:
    speed = float(text)
    if not 0.1 <= speed <= 1000:
        raise argparse.ArgumentTypeError("must be 0.1 to 1000")
    return speed


def _hours(text: str) -> float:
    hours = float(text)
    if not 0 <= hours <= crew.LONGEST_BACKFILL_HOURS:
        raise argparse.ArgumentTypeError(f"must be 0 to {crew.LONGEST_BACKFILL_HOURS:g}")
    return hours


if __name__ == "__main__":
    sys.exit(main())
