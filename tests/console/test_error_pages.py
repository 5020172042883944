"""What people and programs are told when we fail."""

import pytest
from django.db import OperationalError
from django.test import RequestFactory

from console.views import server_error


@pytest.mark.parametrize(("error", "status"), [(OperationalError("gone"), 503), (ZeroDivisionError(), 500)])
@pytest.mark.parametrize("path", ["/p/shop/", "/api/v1/approvals"])
def test_a_database_that_is_away_is_not_called_a_fault_of_the_request(error: Exception, status: int, path: str) -> None:
    try:
        raise error
    except type(error):
        answer = server_error(RequestFactory().get(path))
    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == ("5" if status == 503 else None)
    assert (answer.headers["Content-Type"] == "application/problem+json") == path.startswith("/api/")
