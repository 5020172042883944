"""`manage.py otlp`: OTLP over gRPC, in a process of its own."""

import asyncio
import logging
import signal
from typing import Any

import grpc
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from console.lib import env, notices
from metrics.api import otlp_grpc

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Serves OTLP over gRPC on HOST and OTLP_GRPC_PORT until it is told to stop; then finishes what is in flight."""

    help = "Serve OTLP over gRPC on OTLP_GRPC_PORT (4317). SIGTERM and Ctrl-C finish what is in flight."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        server = otlp_grpc.server()
        address = self._bind(server)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        notices.listener.start()
        await server.start()
        logger.info("otlp_grpc_ready", extra={"address": address})
        await stop.wait()
        await server.stop(otlp_grpc.GRACE_SECONDS)
        notices.listener.stop()

    def _bind(self, server: grpc.aio.Server) -> str:
        """Takes OTLP_GRPC_PORT; when nobody has set it and it is taken, a free port. Returns the address."""
        host = env.text("HOST", "127.0.0.1")
        host = f"[{host}]" if ":" in host else host
        port: int = settings.OTLP_GRPC_PORT
        try:
            return f"{host}:{server.add_insecure_port(f'{host}:{port}')}"
        except RuntimeError as error:
            if env.text("OTLP_GRPC_PORT"):
                raise CommandError(f"Port {port} is taken. Set OTLP_GRPC_PORT to another one.") from error
        return f"{host}:{server.add_insecure_port(f'{host}:0')}"
