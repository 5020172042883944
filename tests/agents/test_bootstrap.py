"""`manage.py bootstrap` on an empty installation, and again."""

import json
import stat
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from agents.management.commands import bootstrap
from agents.models import ApiKey, Membership, Project, User
from agents.permissions import Scope
from agents.roles import Role
from agents.services import first_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def data(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder. Migrations have run; collecting static files is tested by itself."""
    settings.DATA_DIR = tmp_path / "data of a person"
    monkeypatch.setattr(bootstrap, "collect_static", lambda root: None)
    return Path(settings.DATA_DIR)


def test_an_empty_installation_gets_an_admin_a_project_and_a_key(data: Path) -> None:
    call_command("bootstrap")
    file = data / "first-run.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = json.loads(file.read_text())
    assert list(kept) == ["url", "email", "password", "project", "api_key"]
    admin = User.objects.get()
    assert admin.is_staff
    assert admin.is_superuser
    assert admin.email == kept["email"]
    assert len(kept["password"]) >= 16
    assert EmailAddress.objects.get(user=admin, email=kept["email"]).verified
    assert Membership.objects.get().role == Role.ADMIN
    assert Project.objects.get().slug == kept["project"] == "default"
    key = ApiKey.objects.get()
    assert set(key.scopes) == set(Scope) - {Scope.ADMIN}
    assert key.created_by == admin
    assert kept["api_key"].startswith(key.hint)


def test_the_first_credentials_work(data: Path) -> None:
    call_command("bootstrap")
    kept = json.loads((data / "first-run.json").read_text())
    client = Client()
    answer = client.post("/accounts/login/", {"login": kept["email"], "password": kept["password"]})
    assert answer.headers["Location"] == "/"
    assert client.get("/").headers["Location"] == "/p/default/"
    assert Client().get("/api/v1/approvals", headers={"x-api-key": kept["api_key"]}).status_code == 200


def test_a_second_run_changes_nothing_but_the_address(data: Path, settings: Settings) -> None:
    call_command("bootstrap")
    first = json.loads((data / "first-run.json").read_text())
    settings.PUBLIC_URL = "http://127.0.0.1:9999"
    call_command("bootstrap")
    second = json.loads((data / "first-run.json").read_text())
    assert second == first | {"url": "http://127.0.0.1:9999"}
    assert (User.objects.count(), Project.objects.count(), ApiKey.objects.count()) == (1, 1, 1)


def test_a_password_that_could_not_be_kept_makes_nobody(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(credentials: first_run.Credentials) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(bootstrap, "_keep", full_disk)
    with pytest.raises(OSError, match="No space"):
        call_command("bootstrap")
    assert not User.objects.exists()


def test_an_installation_with_people_and_no_file_is_left_alone(data: Path) -> None:
    User.objects.create_user("somebody@example.org")
    call_command("bootstrap")
    assert not (data / "first-run.json").exists()
    assert User.objects.count() == 1


def test_static_files_are_collected_whole_once_and_older_versions_go(settings: Settings, tmp_path: Path) -> None:
    root = tmp_path / "static" / "v2"
    (tmp_path / "static" / "v1").mkdir(parents=True)
    bootstrap.collect_static(root)
    assert (root / "css" / "index.css").exists()
    assert (root / "vendor" / "plotly.min.js").exists()
    assert [path.name for path in root.parent.iterdir()] == ["v2"]
    assert stat.S_IMODE(root.stat().st_mode) == 0o755
    marker = root / "marker"
    marker.touch()
    bootstrap.collect_static(root)
    assert marker.exists()
