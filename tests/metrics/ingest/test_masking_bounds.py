"""A body of nothing but numbers costs its sender the body, and nobody else minutes."""

from metrics.models import Span
from tests.metrics.ingest import payloads
from tests.metrics.ingest.conftest import Sender


def test_a_span_that_is_all_numbers_is_refused_and_the_others_are_kept(sender: Sender) -> None:
    numbers = payloads.span(1, note="4111 4111 4111 4112 " * 60_000)
    reply = sender.post("/v1/traces", payloads.traces([numbers, payloads.span(2, note="hello")]))
    assert reply.status == 200
    assert b"too much in one request that may be personal" in reply.body
    assert [
        bytes(one)[-1] for one in Span.objects.filter(project_id=sender.project.pk).values_list("span_id", flat=True)
    ] == [2]
