"""Handrail's settings. What an operator may set is an environment variable read here; see docs/configuration.md."""

import hashlib
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
from csp.constants import NONCE, NONE, SELF
from psycopg.conninfo import conninfo_to_dict

from console.lib import env
from console.lib.logs import logging_config
from console.lib.periods import spread

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("HANDRAIL_DATA", str(BASE_DIR / ".handrail"))).expanduser().absolute()
PORT = env.integer("PORT", 8000, minimum=1)
OTLP_GRPC_PORT = env.integer("OTLP_GRPC_PORT", 4317, minimum=1)
PUBLIC_URL = env.text("HANDRAIL_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
DEBUG = env.boolean("DEBUG")


def _secret_key() -> str:
    """SECRET_KEY, else the one that `up` keeps in the data folder; tools without either get a passing one."""
    kept = DATA_DIR / "secret-key"
    if given := env.text("SECRET_KEY"):
        return given
    try:
        return kept.read_text(encoding="utf-8").strip()
    except OSError:
        return secrets.token_urlsafe(50)


SECRET_KEY = _secret_key()
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")

_public = urlsplit(PUBLIC_URL)
ALLOWED_HOSTS = [_public.hostname or "localhost", "localhost", "127.0.0.1", "[::1]", *env.words("ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL, *env.words("CSRF_TRUSTED_ORIGINS")]
_https = _public.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# Ports share a host's cookies: two consoles side by side would sign each other's people out.
SESSION_COOKIE_NAME = f"handrail_session_{PORT}"

INSTALLED_APPS = [
    "console.apps.ConsoleConfig",
    "reviews.apps.ReviewsConfig",
    "metrics.apps.MetricsConfig",
    "agents.apps.AgentsConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "django_htmx",
    "django_cotton.apps.SimpleAppConfig",
    "lucide",
    "pgtrigger",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "console.lib.staticfiles.StaticFilesMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "agents.middleware.ActivityMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "agents.middleware.PersonMiddleware",
]

ROOT_URLCONF = "console.urls"
ASGI_APPLICATION = "console.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": ["django_cotton.templatetags.cotton", "console.templatetags.ui"],
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "agents.context.shell",
                "reviews.context.queue",
            ],
        },
    }
]
COTTON_DIR = "_components"

# One database. DATABASE_DIRECT_URL bypasses a transaction pooler for LISTEN, migrations and exports.
_running = env.kept_addresses(DATA_DIR / "servers.json")
DATABASE_URL = env.text("DATABASE_URL") or _running.get("DATABASE_URL", "postgresql://127.0.0.1:5432/handrail")
DATABASE_DIRECT_URL = env.text("DATABASE_DIRECT_URL", DATABASE_URL)
DATABASE_POOLED = env.boolean("DATABASE_POOLED")


def _database(url: str) -> dict[str, Any]:
    """Django's form of a libpq connection string; what Django has no word for goes into OPTIONS."""
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    options: dict[str, Any] = {
        "pool": {"min_size": 1, "max_size": env.integer("DATABASE_POOL_SIZE", 20, minimum=2), "timeout": 5}
    }
    # Nothing is prepared unless it is asked for (console.lib.bound), and behind a pooler nothing at all.
    options["prepare_threshold"] = None if DATABASE_POOLED else _ON_REQUEST
    named = {name: parts.pop(key, "") for name, key in _CONNECTION_FIELDS}
    return {
        "ENGINE": "django.db.backends.postgresql",
        **named,
        "OPTIONS": options | parts,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": DATABASE_POOLED,
    }


_ON_REQUEST = 2**31
_CONNECTION_FIELDS = [
    ("NAME", "dbname"),
    ("USER", "user"),
    ("PASSWORD", "password"),
    ("HOST", "host"),
    ("PORT", "port"),
]
DATABASES = {"default": _database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Valkey may be flushed or away at any time; see ARCHITECTURE.md, section 2.
VALKEY_URL = env.text("VALKEY_URL") or _running.get("VALKEY_URL", "redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "console.lib.cache.FallbackCache",
        "LOCATION": VALKEY_URL,
        "KEY_PREFIX": "handrail",
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
}

CELERY_BROKER_URL = VALKEY_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Nobody asks workers anything: whether they work is seen by what they do.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 1, "visibility_timeout": 3600}
CELERY_TIMEZONE = "UTC"
# Beat keeps its schedule in memory: a file would be one more thing that kill -9 can damage.
CELERY_BEAT_SCHEDULE = spread(
    {
        "expire-due-approvals": {"task": "reviews.tasks.expire_due", "schedule": 2.0, "options": {"expires": 10}},
        "settle-decided-approvals": {"task": "reviews.tasks.settle_due", "schedule": 1.0, "options": {"expires": 10}},
        "advance-escalations": {"task": "reviews.tasks.advance_due", "schedule": 2.0, "options": {"expires": 10}},
        "send-reminders": {"task": "reviews.tasks.send_reminders", "schedule": 10.0, "options": {"expires": 10}},
        "rotate-signing-keys": {"task": "reviews.tasks.rotate_signing_keys", "schedule": 3600.0},
        "count-flow": {"task": "reviews.tasks.count_flow", "schedule": 2.0, "options": {"expires": 10}},
        "resume-backtests": {"task": "reviews.tasks.resume_backtests", "schedule": 15.0, "options": {"expires": 15}},
        "resume-long-work": {"task": "reviews.tasks.resume_work", "schedule": 10.0, "options": {"expires": 10}},
        "expire-exports": {"task": "reviews.tasks.expire_exports", "schedule": 3600.0},
        "evaluate-agents": {"task": "reviews.tasks.evaluate_agents", "schedule": 3600.0},
        "forget-backtests": {"task": "reviews.tasks.forget_backtests", "schedule": 86400.0},
        "find-patterns": {"task": "reviews.tasks.find_all_patterns", "schedule": 86400.0},
        "take-outcomes": {"task": "reviews.tasks.take_outcomes", "schedule": 2.0, "options": {"expires": 10}},
        "take-scores": {"task": "reviews.tasks.take_scores", "schedule": 2.0, "options": {"expires": 10}},
        "send-outbox": {"task": "agents.tasks.send_outbox", "schedule": 2.0, "options": {"expires": 10}},
        "refresh-sessions": {"task": "metrics.tasks.refresh_sessions", "schedule": 2.0, "options": {"expires": 10}},
        "compact-rollups": {"task": "metrics.tasks.compact", "schedule": 15.0, "options": {"expires": 15}},
        "watch-budgets": {"task": "metrics.tasks.watch_budgets", "schedule": 15.0, "options": {"expires": 15}},
        "fill-annotation-queues": {
            "task": "metrics.tasks.fill_annotation_queues",
            "schedule": 30.0,
            "options": {"expires": 30},
        },
        "index-text": {"task": "metrics.tasks.index_text", "schedule": 2.0, "options": {"expires": 10}},
        "make-partitions": {"task": "metrics.tasks.make_partitions", "schedule": 3600.0},
        "drop-old-telemetry": {"task": "metrics.tasks.drop_expired", "schedule": 3600.0},
        "forget-old-records": {"task": "agents.tasks.forget_old_records", "schedule": 3600.0},
    }
)

AUTH_USER_MODEL = "agents.User"
AUTHENTICATION_BACKENDS = [
    "agents.auth_backend.RoleBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["email", "name"]},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "agents.adapter.ClosedSignupAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
# A whole office may sign in from one address at nine o'clock; guessing is stopped per account.
ACCOUNT_RATE_LIMITS = {"login": "300/m/ip", "login_failed": "60/m/ip,5/300s/key"}
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Handrail] "
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_TOTP_ISSUER = "Handrail"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _https
USERSESSIONS_TRACK_ACTIVITY = True

EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.integer("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.boolean("EMAIL_USE_TLS", True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "handrail@localhost")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'dummy'}.EmailBackend"

# Private networks that webhooks, callbacks and channels may reach all the same.
OUTBOUND_ALLOWED_NETWORKS = env.networks("OUTBOUND_ALLOWED_NETWORKS")

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# Every deployment of other bytes gets other addresses, so files may be cached for ever and imports between
# our modules and stylesheets stay relative and unrewritten.
_assets = sorted(path for path in (BASE_DIR / "static").rglob("*") if path.is_file())
_assets.append(BASE_DIR / "constraints.txt")  # the versions of the scripts that wheels bring
STATIC_VERSION = hashlib.sha256(
    b"".join(path.relative_to(BASE_DIR).as_posix().encode() + path.read_bytes() for path in _assets)
).hexdigest()[:12]
STATIC_URL = f"/static/{STATIC_VERSION}/"
# `bootstrap` collects and compresses files there; without it they are served from where they lie.
STATIC_COLLECTED = DATA_DIR / "static" / STATIC_VERSION
STATIC_ROOT = STATIC_COLLECTED if STATIC_COLLECTED.exists() else None
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "console.lib.staticfiles.WheelFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 0 if DEBUG else 31_536_000

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        # The hash is of the empty string: Plotly adds an empty style element.
        "style-src": [SELF, "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["agents.authentication.HandrailAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["agents.api.permission.ProjectIsChecked"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["agents.api.parsers.StrictJsonParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "agents.api.negotiation.OneForm",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "console.lib.http.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Handrail API",
    "DESCRIPTION": "Push what agents do, ask people before they do it, pull what was decided.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_AUTHENTICATION": [],
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "console.shapes.complete"],
    "ENUM_NAME_OVERRIDES": {"VerdictEnum": "reviews.services.requests.ALL_DECISIONS"},
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
}

# Limits. Requests per second are enforced over windows of ten seconds; sizes are bytes.
RATE_LIMIT_PER_KEY = env.integer("RATE_LIMIT_PER_KEY", 1000, minimum=1)
RATE_LIMIT_PER_PERSON = env.integer("RATE_LIMIT_PER_PERSON", 300, minimum=1)
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
OTLP_MAX_COMPRESSED = env.integer("OTLP_MAX_COMPRESSED", 16 * 1024 * 1024, minimum=1024)
OTLP_MAX_BODY = env.integer("OTLP_MAX_BODY", 64 * 1024 * 1024, minimum=1024)
INGEST_MAX_IN_FLIGHT = env.integer("INGEST_MAX_IN_FLIGHT", 256 * 1024 * 1024, minimum=1024)
TELEMETRY_MAX_AGE_DAYS = env.integer("TELEMETRY_MAX_AGE_DAYS", 90, minimum=1)
TELEMETRY_MAX_AHEAD_SECONDS = env.integer("TELEMETRY_MAX_AHEAD_SECONDS", 3600)
# How many days back the text index reaches.
SEARCH_RETENTION_DAYS = env.integer("SEARCH_RETENTION_DAYS", 14, minimum=1)

# How long a request waits for a person when its agent does not say.
APPROVAL_TIMEOUT_SECONDS = env.integer("APPROVAL_TIMEOUT_SECONDS", 300, minimum=1)
# How long after the decision an action may still be run on its receipt.
RECEIPT_VALID_SECONDS = env.integer("RECEIPT_VALID_SECONDS", 86_400, minimum=1)

LOGGING = logging_config(env.text("LOG_LEVEL", "INFO"))
