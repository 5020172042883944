"""Fuzzes decoding and normalising, guided by coverage: `python -m tests.fuzz.otlp_atheris [folder] [options]`.

By hand, and no part of the test run: atheris has wheels for Linux and for few versions of Python only (`pip install
atheris`). Options are libFuzzer's. The corpus grows in the folder given, which starts out as the recorded requests; the
first byte of an input says which signal and encoding it is. `-max_total_time=300` stops after five minutes; an input
that raises anything but Malformed is written to a file `crash-...`, and given as the only argument it is run again.
"""

import contextlib
import logging
import os
import sys
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["metrics.ingest", "google.protobuf"]):
    from metrics.ingest import limits
    from tests.fuzz.mutations import SIGNALS, corpus
    from tests.metrics.ingest.test_decoding import digest

KINDS = [(signal, json) for signal in SIGNALS for json in (False, True)]


def one_input(data: bytes) -> None:
    """What libFuzzer calls; whatever it raises is a finding."""
    if data:
        signal, json = KINDS[data[0] % len(KINDS)]
        with contextlib.suppress(limits.Malformed):
            digest(data[1:], signal, json=json)


def write_corpus(folder: Path) -> None:
    """The recorded requests as first inputs."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, sample in enumerate(corpus()):
        kind = KINDS.index((sample.signal, sample.json))
        (folder / f"recorded-{number}").write_bytes(bytes([kind]) + sample.body)


def main() -> None:
    """Runs libFuzzer with the given arguments."""
    django.setup()
    logging.disable()  # refused rows are logged, each
    folders = [Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")]
    if folders and not folders[0].is_file():
        write_corpus(folders[0])
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
