"""What runs in production imports only what production installs: the developers' packages hide a missing one."""

import ast
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from django.conf import settings
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OURS = ("console", "agents", "metrics", "reviews")


def installed_for_users() -> set[str]:
    """Every distribution that our own metadata leads to without the developers' extra."""
    found: set[str] = set()
    waiting = [Requirement("handrail-console")]
    while waiting:
        wanted = waiting.pop()
        for line in declared(wanted.name):
            needed = Requirement(line)
            marker = needed.marker
            applies = marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *wanted.extras})
            name = canonicalize_name(needed.name)
            if applies and (name not in found or needed.extras):
                found.add(name)
                waiting.append(
                    Requirement(f"{name}[{','.join(needed.extras)}]") if needed.extras else Requirement(name)
                )
    return found


def declared(distribution: str) -> list[str]:
    try:
        return requires(distribution) or []
    except PackageNotFoundError:  # needed on another platform only
        return []


def imported() -> set[str]:
    """The top-level names that our packages import."""
    names: set[str] = set()
    for package in OURS:
        for path in (Path(settings.BASE_DIR) / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.add(node.module.partition(".")[0])
    return names - set(OURS) - sys.stdlib_module_names


def test_every_import_is_of_a_package_that_users_have() -> None:
    provided, users = packages_distributions(), installed_for_users()
    assert "django" in users
    missing = {
        name
        for name in imported()
        if not any(canonicalize_name(distribution) in users for distribution in provided.get(name, []))
    }
    assert missing == set()
