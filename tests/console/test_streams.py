"""Bodies are unfolded up to a limit and never further."""

import contextlib
import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from console.lib.streams import MAX_MEMBERS, BadEncoding, TooLarge, inflate

PLAIN = b"spans and more spans " * 500
RAW_DEFLATE = zlib.compressobj(wbits=-15)
SQUEEZE: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
}
SEVERAL = ["gzip", "zstd"]
# A frame that says nothing: readers pass over it (RFC 8878, section 3.1.2).
SKIPPED = b"\x50\x2a\x4d\x18\x04\0\0\0meta"


@pytest.mark.parametrize("encoding", ["", "identity", "IDENTITY"])
def test_a_body_without_encoding_passes_unchanged(encoding: str) -> None:
    assert inflate(PLAIN, encoding, limit=len(PLAIN)) == PLAIN


def test_gzip_zlib_and_raw_deflate_are_unfolded() -> None:
    raw = RAW_DEFLATE.compress(PLAIN) + RAW_DEFLATE.flush()
    assert inflate(gzip.compress(PLAIN), "gzip", limit=len(PLAIN)) == PLAIN
    assert inflate(gzip.compress(PLAIN), "X-Gzip", limit=len(PLAIN)) == PLAIN
    assert inflate(zlib.compress(PLAIN), "deflate", limit=len(PLAIN)) == PLAIN
    assert inflate(raw, "deflate", limit=len(PLAIN)) == PLAIN


def test_zstd_is_unfolded_whether_or_not_it_says_its_size() -> None:
    stream = zstandard.ZstdCompressor(level=19).compressobj()
    unsized = stream.compress(PLAIN) + stream.flush()
    assert zstandard.get_frame_parameters(unsized).content_size == zstandard.CONTENTSIZE_UNKNOWN
    assert inflate(unsized, "zstd", limit=len(PLAIN)) == PLAIN
    assert inflate(SKIPPED + zstandard.compress(PLAIN) + SKIPPED, "zstd", limit=len(PLAIN)) == PLAIN


@pytest.mark.parametrize("encoding", SEVERAL)
@pytest.mark.parametrize("last", [b"two", b""])
def test_several_members_are_one_body(encoding: str, last: bytes) -> None:
    squeeze = SQUEEZE[encoding]
    noise = random.Random(1).randbytes(200_000)
    assert inflate(squeeze(b"one ") + squeeze(noise) + squeeze(last), encoding, limit=300_000) == b"one " + noise + last


@pytest.mark.parametrize("encoding", SEVERAL)
def test_so_many_members_are_taken_and_no_more(encoding: str) -> None:
    one = SQUEEZE[encoding](b"x")
    assert inflate(one * MAX_MEMBERS, encoding, limit=MAX_MEMBERS) == b"x" * MAX_MEMBERS
    with pytest.raises(BadEncoding, match="more than 1000 compressed streams"):
        inflate(one * (MAX_MEMBERS + 1), encoding, limit=MAX_MEMBERS + 1)


@pytest.mark.parametrize("encoding", SQUEEZE)
def test_one_byte_over_the_limit_is_refused(encoding: str) -> None:
    body = SQUEEZE[encoding](PLAIN)
    assert inflate(body, encoding, limit=len(PLAIN)) == PLAIN
    with pytest.raises(TooLarge):
        inflate(body, encoding, limit=len(PLAIN) - 1)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_bomb_is_refused_before_it_unfolds(encoding: str) -> None:
    bomb = SQUEEZE[encoding](bytes(200_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            inflate(bomb, encoding, limit=1_000_000)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_damaged_data_is_a_bad_encoding(encoding: str) -> None:
    whole = SQUEEZE[encoding](PLAIN)
    for body in (whole[:-9], whole[:3], b"not compressed at all", whole + b"tail"):
        with pytest.raises(BadEncoding):
            inflate(body, encoding, limit=1_000_000)


def test_a_zstd_frame_that_wants_a_huge_window_is_refused_with_the_reason() -> None:
    greedy = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=27)
    ).compressobj()
    with pytest.raises(BadEncoding, match="too much memory"):
        inflate(greedy.compress(PLAIN) + greedy.flush(), "zstd", limit=1_000_000)


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(BadEncoding, match="br"):
        inflate(b"", "br", limit=10)


@given(st.binary(max_size=2_000), st.sampled_from(["gzip", "deflate", "zstd"]))
def test_arbitrary_bytes_raise_nothing_else(body: bytes, encoding: str) -> None:
    with contextlib.suppress(BadEncoding, TooLarge):
        assert len(inflate(body, encoding, limit=10_000)) <= 10_000
