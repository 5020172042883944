"""`python -m bench`: every benchmark, one after the other, as one table."""

import argparse

import psutil

from bench.suite import BENCHMARKS, figures
from bench.table import show

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="only these")
    chosen = parser.parse_args().names or list(BENCHMARKS)
    print(f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total >> 30} GiB, load {psutil.getloadavg()[0]:.1f}")
    show(figures(chosen))
