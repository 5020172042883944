"""More is more than, and an id is an id."""

import pytest
from django.test import Client

from metrics.ranges import ParameterError
from metrics.search_query import parse
from tests.metrics.sending import Sending


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ("tokens>15", {"min_tokens": "16"}),
        ("tokens>=15", {"min_tokens": "15"}),
        ("tokens<15", {"max_tokens": "14"}),
        ("tokens<=1.5k", {"max_tokens": "1500"}),
        ("cost>0", {"min_cost_usd": "0.000000001"}),
        ("duration<2s", {"max_duration_ms": "1999.999999"}),
    ],
)
def test_a_comparison_means_what_its_sign_says(text: str, filters: dict[str, str]) -> None:
    assert parse(text).filters == filters


def test_nothing_is_below_zero() -> None:
    with pytest.raises(ParameterError, match="below 0"):
        parse("cost<0")


def test_a_trace_id_finds_its_trace(page: Client, sending: Sending) -> None:
    wanted, other = sending.agent(), sending.agent()
    sending.send([wanted, other])
    for question in (
        f"q={wanted.trace_id.hex()}",
        f"q=id%3D{wanted.trace_id.hex()}",
        f"trace_id={wanted.trace_id.hex()}",
    ):
        found = page.get(f"/api/v1/traces?project=fleet&{question}").json()["results"]
        assert [trace["trace_id"] for trace in found] == [wanted.trace_id.hex()]
    assert page.get("/api/v1/traces?project=fleet&trace_id=zz").status_code == 422
