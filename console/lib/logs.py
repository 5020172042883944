"""JSON log lines with the request's id and trace id, and the ASGI layer that gives each request one."""

import logging
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

import structlog

logger = logging.getLogger("handrail.request")

TRACEPARENT = re.compile(rb"^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")
REQUEST_ID = re.compile(rb"^[A-Za-z0-9._-]{8,64}$")
# What is logged of a request whose client went away before it was answered, as other servers do.
CLIENT_LEFT = 499
QUIET_PATHS = ("/static/", "/healthz", "/readyz")
# Links that let in whoever holds them until they are used: not for the eyes of those who read logs.
SECRET_PATHS = re.compile(r"^(/invitations/|/accounts/password/reset/key/|/accounts/confirm-email/)[^/]+")

_SHARED = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_config(level: str) -> dict[str, Any]:
    """Django's LOGGING: one JSON object a line on standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    structlog.processors.JSONRenderer(),
                ],
                "foreign_pre_chain": _SHARED,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.request": {"level": "ERROR"},
            "django.server": {"level": "WARNING"},
            "uvicorn.access": {"level": "WARNING"},
            "uvicorn.error": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            # A line for every tick of every periodic task would bury the rest.
            "celery.beat": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
        },
    }


def loggable(path: str) -> str:
    """The path without the secret that some links carry."""
    return SECRET_PATHS.sub(r"\1…", path)


class RequestLog:
    """ASGI wrapper: binds `request_id` and `trace_id` to every log line and writes one line per HTTP request.

    An incoming X-Request-ID is kept when it looks like one, and always sent back. Requests to paths that are `busy`
    have a line when they fail: a line for each that succeeds would cost a third of them.
    """

    def __init__(self, app: Any, *, busy: Callable[[str], bool] = lambda path: False) -> None:
        self._app = app
        self._busy = busy

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if REQUEST_ID.match(given) else secrets.token_hex(8)
        context = {"request_id": request_id}
        if match := TRACEPARENT.match(headers.get(b"traceparent", b"")):
            context["trace_id"] = match.group(1).decode()
        started = time.perf_counter()
        status = CLIENT_LEFT

        async def send_with_id(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        before = structlog.contextvars.bind_contextvars(**context)
        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            status = 500
            raise
        finally:
            if logger.isEnabledFor(logging.INFO):
                self._log(scope, status, time.perf_counter() - started)
            structlog.contextvars.reset_contextvars(**before)

    def _log(self, scope: Any, status: int, seconds: float) -> None:
        path = scope["path"]
        if path.startswith(QUIET_PATHS) or (status < 400 and self._busy(path)):
            return
        facts = {"method": scope["method"], "path": loggable(path), "status": status, "ms": round(seconds * 1000, 1)}
        logger.info("request", extra=facts)
