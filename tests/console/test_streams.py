"""Bodies are unfolded up to a limit and never further."""

import contextlib
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.lib.streams import BadEncoding, TooLarge, inflate

PLAIN = b"spans and more spans " * 500
RAW_DEFLATE = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize("encoding", ["", "identity", "IDENTITY"])
def test_a_body_without_encoding_passes_unchanged(encoding: str) -> None:
    assert inflate(PLAIN, encoding, limit=len(PLAIN)) == PLAIN


def test_gzip_zlib_and_raw_deflate_are_unfolded() -> None:
    raw = RAW_DEFLATE.compress(PLAIN) + RAW_DEFLATE.flush()
    assert inflate(gzip.compress(PLAIN), "gzip", limit=len(PLAIN)) == PLAIN
    assert inflate(zlib.compress(PLAIN), "deflate", limit=len(PLAIN)) == PLAIN
    assert inflate(raw, "deflate", limit=len(PLAIN)) == PLAIN


def test_several_gzip_members_are_one_body() -> None:
    assert inflate(gzip.compress(b"one ") + gzip.compress(b"two"), "gzip", limit=100) == b"one two"


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
def test_one_byte_over_the_limit_is_refused(encoding: str) -> None:
    body = {"": PLAIN, "gzip": gzip.compress(PLAIN), "deflate": zlib.compress(PLAIN)}[encoding]
    with pytest.raises(TooLarge):
        inflate(body, encoding, limit=len(PLAIN) - 1)


def test_a_bomb_is_refused_before_it_unfolds() -> None:
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=9)
    with pytest.raises(TooLarge):
        inflate(bomb, "gzip", limit=1_000_000)


@pytest.mark.parametrize("body", [gzip.compress(PLAIN)[:-9], b"not gzip at all", gzip.compress(PLAIN) + b"tail"])
def test_damaged_data_is_a_bad_encoding(body: bytes) -> None:
    with pytest.raises(BadEncoding):
        inflate(body, "gzip", limit=1_000_000)


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(BadEncoding, match="br"):
        inflate(b"", "br", limit=10)


@given(st.binary(max_size=2_000), st.sampled_from(["gzip", "deflate"]))
def test_arbitrary_bytes_raise_nothing_else(body: bytes, encoding: str) -> None:
    with contextlib.suppress(BadEncoding, TooLarge):
        assert len(inflate(body, encoding, limit=10_000)) <= 10_000
