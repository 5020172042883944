"""The base of every API view: who calls, for which project, with which right."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.views import APIView

from agents.access import api_project
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission, Scope
from console.lib.http import Problem, check_names


def check_query(request: Request, parameters: Iterable[OpenApiParameter]) -> None:
    """Raises Problem 422 naming a query parameter that is none of those that an operation describes."""
    check_names(request.query_params, [one.name for one in parameters if one.location == OpenApiParameter.QUERY])


class ApiView(APIView):
    """Declares per method which key scope and which personal permission it takes.

    `scopes` and `permissions` map upper-case HTTP methods; a missing entry refuses that sort of caller
    with a 403, so an endpoint that forgets to declare is closed. `body_limit` is in bytes.
    """

    checks_project: ClassVar[bool] = True
    scopes: ClassVar[dict[str, Scope]] = {}
    permissions: ClassVar[dict[str, Permission]] = {}
    body_limit: ClassVar[int] = 1024 * 1024

    caller: Caller
    project: Project

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        if "Idempotency-Key" in request.headers:
            # Kept from here on: checking a session's CSRF token parses the body, and a parsed stream is gone, but the
            # key is about the very bytes that were sent.
            _ = request.body
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if int(request.META.get("CONTENT_LENGTH") or 0) > self.body_limit:
            raise Problem(413, f"The body is larger than {self.body_limit} bytes.")
        super().initial(request, *args, **kwargs)
        caller = request.auth
        assert caller is None or isinstance(caller, Caller)
        if not hasattr(self, (request.method or "").lower()):
            return  # Django answers 405.
        self.project = self.find_project(request, caller, **kwargs)
        assert caller is not None
        self.caller = caller

    def find_project(self, request: Request, caller: Caller | None, **kwargs: Any) -> Project:
        """The project the request is about; views of objects override this, for an object carries its own project."""
        return api_project(
            caller,
            query=request.query_params,
            headers={"handrail-project": request.headers.get("Handrail-Project", "")},
            scope=self.scopes.get(request.method or ""),
            permission=self.permissions.get(request.method or ""),
        )
