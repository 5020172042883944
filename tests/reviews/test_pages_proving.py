"""Proving who one is, where a request asks for it."""

from __future__ import annotations

from allauth.account.app_settings import REAUTHENTICATION_TIMEOUT
from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest
from django.test import Client

from agents.authentication import Caller
from agents.models import User
from reviews.models import Decision
from tests.reviews.test_pages_deciding import ask, reviewer, send
from tests.reviews.test_pages_people import Ask, page_of, planned

__all__ = ["ask", "reviewer"]


def test_whoever_has_no_password_proves_who_they_are_by_signing_in_again(
    ask: Ask, reviewer: Client, ana: Caller
) -> None:
    assert ana.user is not None
    assert not ana.user.has_usable_password()
    wanted = planned(ask(), reauthenticate=True)
    page = page_of(reviewer, wanted)
    assert 'id="approve"' not in page
    assert f"/accounts/logout/?next=%2Fp%2Fshop%2Fqueue%2F{wanted.pk}%2F" in page
    assert "Confirm first that it is you" in send(reviewer, wanted, htmx=True, verdict="approve").headers["HX-Trigger"]
    assert not Decision.objects.exists()
    signed_in(reviewer, ana.user, ago=REAUTHENTICATION_TIMEOUT + 1)
    assert 'id="approve"' not in page_of(reviewer, wanted)
    signed_in(reviewer, ana.user, ago=0)
    assert 'id="approve"' in page_of(reviewer, wanted)
    send(reviewer, wanted, htmx=True, verdict="approve")
    assert Decision.objects.get().verdict == "approve"


def test_signing_out_to_sign_in_again_leads_back_to_the_request(reviewer: Client) -> None:
    here = "/p/shop/queue/?risk=high"
    assert f'name="next" value="{here}"' in reviewer.get("/accounts/logout/", {"next": here}).content.decode()
    assert reviewer.post("/accounts/logout/", {"next": here}).headers["Location"] == here
    assert reviewer.get(here).headers["Location"].startswith("/accounts/login/?next=/p/shop/queue/")


def test_a_link_in_a_message_leads_through_the_proof_and_back_to_its_question(
    ask: Ask, reviewer: Client, ana: Caller
) -> None:
    assert ana.user is not None
    wanted = planned(ask(), reauthenticate=True)
    here = f"/p/shop/queue/{wanted.pk}/decide/approve/"
    page = reviewer.get(here).content.decode()
    assert f"?next={here.replace('/', '%2F')}" in page
    assert "prove again who you are" in page
    assert 'value="approve"' in page
    assert ">Approve</" not in page
    signed_in(reviewer, ana.user, ago=0)
    assert ">Approve</" in reviewer.get(here).content.decode()


def signed_in(client: Client, user: User, *, ago: float) -> None:
    """The session as another identity provider leaves it, so many seconds after it has said who this is."""
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, user, "socialaccount", provider="sso", uid="ana")
    request.session["account_authentication_methods"][-1]["at"] -= ago
    request.session.save()
