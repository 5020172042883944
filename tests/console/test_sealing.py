"""What is sealed in the database can be read again, by those with the key, for its purpose."""

import pytest
from pytest_django import Settings

from console.lib.sealing import Unreadable, seal, unseal


def test_what_is_sealed_for_a_purpose_is_read_for_that_purpose_only() -> None:
    sealed = seal("slack://token", purpose="channel.target")
    assert b"slack" not in sealed
    assert unseal(sealed, purpose="channel.target") == "slack://token"
    with pytest.raises(Unreadable, match=r"channel\.secret"):
        unseal(sealed, purpose="channel.secret")


def test_an_earlier_secret_key_still_reads_while_it_is_a_fallback(settings: Settings) -> None:
    settings.SECRET_KEY = "first"
    sealed = seal("whsec_x", purpose="p")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "second", ["first"]
    assert unseal(sealed, purpose="p") == "whsec_x"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(Unreadable):
        unseal(sealed, purpose="p")
