"""Pages of no app: health, API docs, error pages, the component gallery."""

import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from csp.constants import NONE, SELF
from csp.decorators import csp_replace
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from drf_spectacular.views import SpectacularSwaggerSplitView

from console.lib import valkey
from console.lib.http import Problem, problem_response
from console.styleguide import sample

_DOCS_POLICY = {
    "script-src": [SELF],
    "style-src": [SELF, "'unsafe-inline'"],
    "img-src": [SELF, "data:"],
    "default-src": [NONE],
}

READY_SECONDS = 2.0
_asker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="readyz")
_asking_lock = threading.Lock()
_asked: "Future[bool] | None" = None


@never_cache
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """Whether this process answers at all."""
    return JsonResponse({"status": "ok"})


@never_cache
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether this process can serve: 503 without the database or with migrations pending.

    Without Valkey everything promised still works, so that is 200 with `"degraded": ["valkey"]`.
    """
    try:
        pending = _asking().result(READY_SECONDS)
    except (DatabaseError, TimeoutError):
        return JsonResponse({"status": "unavailable", "database": "unreachable"}, status=503)
    if pending:
        return JsonResponse({"status": "unavailable", "migrations": "pending"}, status=503)
    degraded = [] if valkey.alive() else ["valkey"]
    return JsonResponse({"status": "ok", "degraded": degraded})


def _asking() -> "Future[bool]":
    """Whether migrations are pending, asked by one thread: a database that is frozen never says that it is away."""
    global _asked
    with _asking_lock:
        if _asked is None or _asked.done():
            _asked = _asker.submit(_migrations_pending)
        return _asked


def _migrations_pending() -> bool:
    try:
        executor = MigrationExecutor(connection)
        return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    finally:
        connection.close()


@login_not_required
@csp_replace(_DOCS_POLICY)
def api_docs(request: HttpRequest) -> HttpResponse:
    """The API's documentation, drawn by Swagger UI out of its wheel; it alone may style inline."""
    response: HttpResponse = SpectacularSwaggerSplitView.as_view(url_name="schema")(request)
    return response


def api_not_found(request: HttpRequest, rest: str) -> HttpResponse:
    """Unknown API addresses answer like every API error."""
    return problem_response(Problem(404, "There is nothing at this address."))


def styleguide(request: HttpRequest) -> HttpResponse:
    """The gallery of components, in development only."""
    return render(request, "styleguide.html", {"sample": sample()})


def _wants_problem(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 as a page, or as a problem below /api/."""
    if _wants_problem(request):
        return problem_response(Problem(400, "The request could not be understood."))
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403 with the reason that access.py gave."""
    if _wants_problem(request):
        return problem_response(Problem(403, str(exception) or "You may not do this."))
    return render(request, "403.html", {"reason": str(exception)}, status=403)


def not_found(request: HttpRequest, exception: Http404) -> HttpResponse:
    """404, the same for what is unknown and for what belongs to others."""
    if _wants_problem(request):
        return problem_response(Problem(404, "There is nothing at this address, or it is not yours to see."))
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500 without any of the failing request's context, which may be what failed; 503 while the database is away."""
    away = isinstance(sys.exception(), OperationalError)
    status = 503 if away else 500
    if _wants_problem(request):
        detail = "The database is away. Try again shortly." if away else "Something failed on our side; the log has it."
        response = problem_response(Problem(status, detail))
    else:
        response = render(None, "500.html", status=status)
    if away:
        response["Retry-After"] = "5"
    return response
