"""How the OpenAPI document describes our credentials. Imported when the app is ready."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension


class HandrailCredentials(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # half typed upstream
    """An API key or a personal token as a bearer token, or the browser's session."""

    target_class = "agents.authentication.HandrailAuthentication"
    name = ["key", "session"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key (`hr_...`) or a personal token (`hrp_...`).",
            },
            {
                "type": "apiKey",
                "in": "cookie",
                "name": settings.SESSION_COOKIE_NAME,
                "description": "A signed-in browser, with CSRF.",
            },
        ]
