"""Who is calling the API: an agent's key, a personal token, or a signed-in person.

Keys come in the forms that telemetry SDKs send (ARCHITECTURE.md, section 5), so that pointing an
existing agent here takes an address and a key. The same code serves DRF views and plain ASGI callables.
"""

import base64
import binascii
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from allauth.account import app_settings
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate, get_reauthentication_flows
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from agents.known_keys import known_keys
from agents.models import ApiKey, PersonalToken, User, api_key, token
from agents.models.credential import digest, usable_at
from agents.throttling import admit, admit_at_once
from console.lib import clock
from console.lib.http import Problem

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="handrail"'}
SECRET_MAX_CHARS = 200


@dataclass(frozen=True)
class Caller:
    """The author of an API request: exactly one of a key or a person (who may have come with a token).

    `reauthenticated` is a person who has just proved again who they are, in the session that this is part of.
    """

    key: ApiKey | None = None
    user: User | None = None
    token: PersonalToken | None = None
    reauthenticated: bool = False

    @property
    def label(self) -> str:
        """A name for timelines and the audit log."""
        if self.key is not None:
            return f"key {self.key.name}"
        assert self.user is not None
        return self.user.display_name

    @property
    def ident(self) -> str:
        """A stable identity, for rate limits and idempotency."""
        if self.key is not None:
            return f"key:{self.key.pk}"
        assert self.user is not None
        return f"user:{self.user.pk}"


def caller_from_headers(headers: Mapping[str, str], client_ip: str, now: datetime) -> Caller | None:
    """The caller whose secret the headers carry, or None when they carry none.

    `headers` has lower-case names. Raises Problem 401 for a secret that is unknown, revoked, expired or
    used from outside its networks, and Problem 429 over the caller's rate limit.
    """
    secret = secret_in(headers)
    if secret is None:
        return None
    caller = _caller_of(secret, client_ip, now)
    if caller is None:
        raise Problem(401, "This key is unknown, expired or revoked.", headers=CHALLENGE)
    admit(caller.ident, is_person=caller.user is not None, now=now)
    return caller


def caller_at_once(headers: Mapping[str, str], client_ip: str, now: datetime) -> Caller | None:
    """The caller, when it takes neither the database nor Valkey to know them and to let them in.

    For event loops. None says nothing: `caller_from_headers` has to be asked, in a thread. Raises Problem 429.
    """
    secret = secret_in(headers)
    if secret is None or len(secret) > SECRET_MAX_CHARS:
        return None
    found = known_keys.find(digest(secret))
    if found is None or not _good_now(found, client_ip, now) or found.usage_is_stale(now):
        return None
    caller = Caller(key=found)
    return caller if admit_at_once(caller.ident, is_person=False, now=now) else None


def seen_before(headers: Mapping[str, str]) -> bool:
    """Whether the sender has shown a key that was good not long ago: then it is asked about before strangers are."""
    secret = secret_in(headers)
    return secret is not None and len(secret) <= SECRET_MAX_CHARS and known_keys.was_good(digest(secret))


def secret_in(headers: Mapping[str, str]) -> str | None:
    """The secret in `Authorization` (Bearer, bare, Basic password), `x-api-key` or `api_key`."""
    authorization = headers.get("authorization", "").strip()
    if authorization:
        kind, _, rest = authorization.partition(" ")
        if not rest:
            return kind
        if kind.lower() == "bearer":
            return rest.strip()
        if kind.lower() == "basic":
            return _basic_password(rest.strip())
        return authorization
    return headers.get("x-api-key", "").strip() or headers.get("api_key", "").strip() or None


def _basic_password(encoded: str) -> str:
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return encoded
    return password or user


def _caller_of(secret: str, client_ip: str, now: datetime) -> Caller | None:
    if len(secret) > SECRET_MAX_CHARS:
        return None
    if secret.startswith(token.PREFIX):
        return _person_of(secret, now)
    if not secret.startswith(api_key.PREFIX):
        return None
    found = _key_of(digest(secret), now)
    if found is None or not _good_now(found, client_ip, now):
        return None
    if found.usage_is_stale(now):
        ApiKey.objects.filter(pk=found.pk).update(last_used_at=now)
        found.last_used_at = now
    return Caller(key=found)


def _key_of(secret_hash: bytes, now: datetime) -> ApiKey | None:
    known = known_keys.find(secret_hash)
    if known is not None:
        return known
    edition = known_keys.edition
    found = (
        ApiKey.objects.filter(usable_at(now), secret_hash=secret_hash, project__archived_at__isnull=True)
        .select_related("project")
        .first()
    )
    if found is not None:
        known_keys.keep(secret_hash, found, edition=edition)
    return found


def _good_now(key: ApiKey, client_ip: str, now: datetime) -> bool:
    return key.state(now) == "active" and _network_allowed(key.allowed_networks, client_ip)


def _person_of(secret: str, now: datetime) -> Caller | None:
    found = (
        PersonalToken.objects.filter(usable_at(now), secret_hash=digest(secret), user__is_active=True)
        .select_related("user")
        .first()
    )
    if found is None:
        return None
    if found.usage_is_stale(now):
        PersonalToken.objects.filter(pk=found.pk).update(last_used_at=now)
    return Caller(user=found.user, token=found)


def reauthenticated(caller: Caller, request: HttpRequest) -> Caller:
    """The same caller, with what the session says about when this person proved who they are. Asks the database."""
    if caller.user is None or caller.token is not None:
        return caller
    return replace(caller, reauthenticated=_proved(request, caller.user))


def proof_address(request: HttpRequest, user: User) -> str:
    """Where a person proves who they are: those with neither password nor second factor sign out, and in again."""
    return reverse("account_reauthenticate" if get_reauthentication_flows(user) else "account_logout")


def _proved(request: HttpRequest, user: User) -> bool:
    """Whether this person has lately proved who they are. For those who have nothing else, signing in is the proof.

    allauth takes these for proved always, as they cannot do it here.
    """
    if get_reauthentication_flows(user):
        return bool(did_recently_reauthenticate(request))
    last = max((record.get("at", 0.0) for record in get_authentication_records(request, user)), default=0.0)
    return bool(clock.now().timestamp() - last < app_settings.REAUTHENTICATION_TIMEOUT)


def still_usable(callers: Iterable[Caller], *, now: datetime) -> set[Caller]:
    """Those of some callers whose keys, tokens and people are still good: for whoever has waited. 3 queries at most."""
    asked = set(callers)
    keys = _good(ApiKey.objects.filter(usable_at(now)), (caller.key for caller in asked))
    tokens = _good(PersonalToken.objects.filter(usable_at(now)), (caller.token for caller in asked))
    people = _good(User.objects.filter(is_active=True), (caller.user for caller in asked))
    return {
        caller
        for caller in asked
        if (caller.key is None or caller.key.pk in keys)
        and (caller.token is None or caller.token.pk in tokens)
        and (caller.user is None or caller.user.pk in people)
    }


def _good(rows: QuerySet[Any], asked: Iterable[Model | None]) -> set[Any]:
    """The numbers of those of `asked` that are among the rows."""
    numbers = {one.pk for one in asked if one is not None}
    return set(rows.filter(pk__in=numbers).values_list("pk", flat=True)) if numbers else set()


def _network_allowed(networks: list[str], client_ip: str) -> bool:
    if not networks:
        return True
    try:
        address = ipaddress.ip_address(client_ip)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address  # an IPv4 client of an IPv6 socket
    return any(address in _network(network) for network in networks)


@lru_cache(maxsize=10_000)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text)


def headers_of(request: HttpRequest) -> dict[str, str]:
    """Credential headers by lower-case name.

    Django drops header names with an underscore, which older Phoenix clients use (`api_key`), so under
    ASGI they are read from the raw scope.
    """
    scope = getattr(request, "scope", None)
    if scope is not None:
        return headers_in_scope(scope)
    return {
        "authorization": request.META.get("HTTP_AUTHORIZATION", ""),
        "x-api-key": request.META.get("HTTP_X_API_KEY", ""),
        "api_key": request.META.get("HTTP_API_KEY", ""),
    }


def headers_in_scope(scope: Mapping[str, Any]) -> dict[str, str]:
    """An ASGI scope's headers by lower-case name; of a repeated header the last one counts."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


class HandrailAuthentication(BaseAuthentication):
    """DRF authentication: a secret in the headers, else the browser session with CSRF enforced."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        caller = caller_from_headers(headers_of(request._request), request.META.get("REMOTE_ADDR", ""), clock.now())
        if caller is not None:
            return caller.user or _KeyUser(), caller
        session = SessionAuthentication().authenticate(request)
        if session is None:
            return None
        person = session[0]
        assert isinstance(person, User)
        caller = Caller(user=person)
        admit(caller.ident, is_person=True, now=clock.now())
        return person, caller

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE["WWW-Authenticate"]


class _KeyUser:
    """What `request.user` is when a key calls: authenticated, but nobody."""

    is_authenticated = True
    is_anonymous = False
    is_active = True
    pk = None
