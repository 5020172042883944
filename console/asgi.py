"""Entry point of every web process: websockets, OTLP and long waits as plain ASGI, everything else Django."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
django_app = get_asgi_application()  # before any module with models is imported

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import path  # noqa: E402

from agents.consumers import LiveConsumer  # noqa: E402
from console.lib import gathering, notices, serving  # noqa: E402
from console.lib.bodies import BodyLimit  # noqa: E402
from console.lib.logs import RequestLog  # noqa: E402
from metrics.api import otlp  # noqa: E402
from reviews.api import feedback_wait, mcp, wait  # noqa: E402
from reviews.api.intake import Intake  # noqa: E402

# Channels reuses Django's `path` for ASGI applications, which Django's own types do not foresee.
live_route: Any = path("ws/p/<slug:project>/", LiveConsumer.as_asgi())  # type: ignore[arg-type]
websockets = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter([live_route])))


pages_and_api = Intake(BodyLimit(django_app, limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE))


async def dispatch(scope: Any, receive: Any, send: Any) -> None:
    """Gives a connection to whoever serves it.

    OTLP and long waits bypass Django's request cycle: a Django view costs a millisecond and an async one
    holds a thread while it waits. They share authentication and access with the views.
    """
    if scope["type"] == "lifespan":
        await live_long(receive, send)
    elif scope["type"] == "websocket":
        await websockets(scope, receive, send)
    elif scope["type"] == "http" and otlp.handles(scope["path"]):
        await otlp.application(scope, receive, send)
    elif scope["type"] == "http" and wait.handles(scope):
        await wait.application(scope, receive, send)
    elif scope["type"] == "http" and feedback_wait.handles(scope):
        await feedback_wait.application(scope, receive, send)
    elif scope["type"] == "http" and mcp.handles(scope):
        await mcp.application(scope, receive, send)
    else:
        await pages_and_api(scope, receive, send)


async def live_long(receive: Any, send: Any) -> None:
    """Listens to other processes from the first request to the last."""
    await receive()
    notices.listener.start()
    gathering.start()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    gathering.stop()
    notices.listener.stop()
    await send({"type": "lifespan.shutdown.complete"})


application = RequestLog(dispatch, busy=otlp.handles)

serving.settle()
