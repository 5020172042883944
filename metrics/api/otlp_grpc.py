"""OTLP over gRPC, for all three signals: the same intake as over HTTP, in gRPC's words."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import unquote

import grpc
from django.conf import settings

from console.lib.http import Problem
from metrics.api import intake
from metrics.api.intake import Export, Share
from metrics.api.otlp_answers import INTERNAL, RPC_CODES, export_response, retry_detail, retry_info, rpc_status

logger = logging.getLogger(__name__)

SERVICES = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}
STATUS = {int(code.value[0]): code for code in grpc.StatusCode}
# For how long requests in flight may go on when the process is asked to stop.
GRACE_SECONDS = 8.0
ENCODING_OF_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}

Context = grpc.aio.ServicerContext[bytes, bytes]
Handler = Callable[[AsyncIterator[bytes], Context], Awaitable[bytes]]


def server() -> grpc.aio.Server:
    """A server for the three services, without a port yet.

    Messages are unfolded by the intake, which bounds them: gRPC itself looks at the compressed size only.
    """
    options = [
        ("grpc.max_receive_message_length", settings.OTLP_MAX_COMPRESSED),
        ("grpc.per_message_decompression", 0),
        ("grpc.so_reuseport", 0),
        # Exporters ping between two batches; ten seconds is what they use at most often.
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ]
    made = grpc.aio.server(options=options)
    # The message of a request of unknown size is in memory before it is counted: so few are read at once.
    reading = asyncio.Semaphore(max(1, settings.INGEST_MAX_IN_FLIGHT // settings.OTLP_MAX_COMPRESSED))
    for signal, service in SERVICES.items():
        # To the client it is one message for one answer. Taken as a stream of one message, it is not read before its
        # sender is known.
        export: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_unary_rpc_method_handler(
            export_handler(signal, reading)
        )
        made.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {"Export": export})])
    return made


def export_handler(signal: str, reading: asyncio.Semaphore) -> Handler:
    """What serves Export of one signal."""

    async def export(messages: AsyncIterator[bytes], context: Context) -> bytes:
        try:
            return await _answer(signal, messages, context, reading)
        except Problem as problem:
            logger.info("export_refused", extra={"signal": signal, "status": problem.status, "reason": problem.detail})
            await _refuse(context, problem)
            raise AssertionError("abort has raised") from problem

    return export


async def _answer(signal: str, messages: AsyncIterator[bytes], context: Context, reading: asyncio.Semaphore) -> bytes:
    headers = {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}
    project = await intake.project_of(headers, {}, address_of(context.peer()))
    intake.budget.check(1)  # how much comes is not known yet
    share = Share()
    try:
        message = await _read(messages, reading, share)
        outcome = await intake.store(project, Export(signal, False, encoding_of(message), message), share)
        return export_response(signal, refused=outcome.refused, reason=outcome.reason)
    finally:
        share.give_back()


async def _read(messages: AsyncIterator[bytes], reading: asyncio.Semaphore, share: Share) -> bytes:
    """The one message of a request. Raises Problem 400, 408 or 503."""
    try:
        async with asyncio.timeout(intake.BUSY_SECONDS):
            await reading.acquire()
    except TimeoutError as error:
        raise intake.busy() from error
    try:
        async with asyncio.timeout(intake.READ_SECONDS):
            async for message in messages:
                share.take(len(message))
                return message
    except TimeoutError as error:
        raise Problem(408, f"The message did not arrive within {intake.READ_SECONDS:g} seconds.") from error
    finally:
        reading.release()
    raise Problem(400, "The request has no message.")


def encoding_of(message: bytes) -> str:
    """How a message is compressed, '' when it is not; gRPC keeps the header that says it to itself.

    None of the magic numbers can begin an export request: its first field is 1, and so its first byte 0x0a.
    """
    for magic, encoding in ENCODING_OF_MAGIC.items():
        if message.startswith(magic):
            return encoding
    zlib_header = len(message) > 2 and message[0] & 0x0F == 8 and (message[0] << 8 | message[1]) % 31 == 0
    return "deflate" if zlib_header else ""


def address_of(peer: str) -> str:
    """The client's address in gRPC's notation ("ipv4:127.0.0.1:1234", "ipv6:%5B::1%5D:1234"); '' when it has none."""
    family, _, rest = peer.partition(":")
    return unquote(rest).rpartition(":")[0].strip("[]") if family in {"ipv4", "ipv6"} else ""


async def _refuse(context: Context, problem: Problem) -> None:
    """Ends the request with the status of a problem. With a delay, senders may try again (OTLP, "Failures")."""
    code = RPC_CODES.get(problem.status, INTERNAL)
    details: list[bytes] = []
    trailing: list[tuple[str, str | bytes]] = []
    if (delay := problem.headers.get("Retry-After", "")).isdigit():
        info = retry_info(int(delay))
        details.append(retry_detail(info))
        trailing.append(("google.rpc.retryinfo-bin", info))  # where OpenTelemetry's exporter for Python looks
    trailing.append(("grpc-status-details-bin", rpc_status(code, problem.detail, *details)))
    await context.abort(STATUS[code], problem.detail, tuple(trailing))
