"""Every address of the console: pages under /p/<project>/, the API under /api/v1/, accounts, health."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView

import agents.urls
import metrics.urls
import reviews.urls
from console import views

pages: list[URLPattern | URLResolver] = [
    # Before metrics, where the name of an agent may hold slashes: agents/<name>/evaluation/ is a page of reviews.
    path("", include((reviews.urls.page_patterns, "reviews"))),
    path("", include((metrics.urls.page_patterns, "metrics"))),
    path("", include((agents.urls.page_patterns, "agents"))),
]

api: list[URLPattern | URLResolver] = [
    path("", include((reviews.urls.api_patterns, "reviews-api"))),
    path("", include((metrics.urls.api_patterns, "metrics-api"))),
    path("", include((agents.urls.api_patterns, "agents-api"))),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("p/<slug:project>/", include(pages)),
    path("", include(agents.urls.people_patterns)),
    path("api/v1/", include(api)),
    path("api/v1/<path:rest>", csrf_exempt(login_not_required(views.api_not_found)), name="api-not-found"),
    path("humanlayer/v1/", include((reviews.urls.humanlayer_patterns, "humanlayer"))),
    path(
        "humanlayer/v1/<path:rest>",
        csrf_exempt(login_not_required(views.api_not_found)),
        name="humanlayer-not-found",
    ),
    path(".well-known/", include((reviews.urls.well_known_patterns, "well-known"))),
    path("api/public/", include((metrics.urls.public_patterns, "metrics-public"))),
    path("api/schema/", login_not_required(SpectacularAPIView.as_view()), name="schema"),
    path("api/docs/", views.api_docs, name="api-docs"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]

if settings.DEBUG:
    urlpatterns.append(path("styleguide/", views.styleguide, name="styleguide"))

handler400 = "console.views.bad_request"
handler403 = "console.views.forbidden"
handler404 = "console.views.not_found"
handler500 = "console.views.server_error"
