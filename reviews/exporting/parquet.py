"""Apache Parquet with zstd. Pure, but heavy: to be imported where files are made, not where pages are served."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from reviews.exporting.columns import COLUMNS

GROUP_ROWS = 20_000
GROUP_BYTES = 32 * 1024 * 1024
TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "list": pa.list_(pa.string()),
    "number": pa.float64(),
    "whole": pa.int64(),
    "flag": pa.bool_(),
    "time": pa.timestamp("us", tz="UTC"),
}
SCHEMA = pa.schema([(column.name, TYPES[column.kind]) for column in COLUMNS])


def batch(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """Some lines as an Arrow stream, of which `assembled` makes the file."""
    records = list(lines)
    columns = [pa.array([column.read(line) for line in records], TYPES[column.kind]) for column in COLUMNS]
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, SCHEMA) as stream:
        stream.write_batch(pa.record_batch(columns, schema=SCHEMA))
    return sink.getvalue()


def assembled(batches: Iterable[bytes], *, facts: Mapping[str, str]) -> Iterator[bytes]:
    """The file, a piece at a time, from the results of `batch`; `facts` are its metadata.

    One row group is in memory at a time. The same batches give the same bytes.
    """
    sink = _Sink()
    with pq.ParquetWriter(sink, SCHEMA.with_metadata(dict(facts)), compression="zstd") as writer:
        for group in _groups(batches):
            writer.write_table(group)
            yield sink.drained()
    yield sink.drained()


def _groups(batches: Iterable[bytes]) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    rows = size = 0
    for data in batches:
        table = pa.ipc.open_stream(data).read_all()
        waiting.append(table)
        rows, size = rows + table.num_rows, size + table.nbytes
        if rows >= GROUP_ROWS or size >= GROUP_BYTES:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()


class _Sink(io.RawIOBase):
    """A file that only ever grows, whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting.append(bytes(data))
        self._size += len(self._waiting[-1])
        return len(self._waiting[-1])

    def tell(self) -> int:
        return self._size

    def drained(self) -> bytes:
        """What was written since the last time."""
        data, self._waiting = b"".join(self._waiting), []
        return data
