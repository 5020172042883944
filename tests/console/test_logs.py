"""Log lines tell what was asked, without what would let a reader in."""

import pytest

from console.lib.logs import loggable


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/invitations/s3cret-value/", "/invitations/…/"),
        ("/accounts/password/reset/key/1-abc-def/", "/accounts/password/reset/key/…/"),
        ("/p/shop/queue/", "/p/shop/queue/"),
    ],
)
def test_secrets_in_addresses_are_not_logged(path: str, shown: str) -> None:
    assert loggable(path) == shown
