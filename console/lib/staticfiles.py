"""Serves single files out of pinned wheels, so that no third-party script is copied into the repository."""

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

WHEEL_FILES = {"vendor/plotly.min.js": ("plotly", "package_data/plotly.min.js")}


def wheel_path(url: str) -> Path | None:
    """Where the wheel keeps the file that is served under `url`, or None for any other address."""
    if url not in WHEEL_FILES:
        return None
    package, inside = WHEEL_FILES[url]
    return Path(str(files(package).joinpath(inside)))


class WheelFinder(BaseFinder):
    """A staticfiles finder over WHEEL_FILES."""

    def find(self, path: str, find_all: bool = False, **_kwargs: Any) -> Any:
        found = wheel_path(path)
        if find_all:
            return [str(found)] if found else []
        return str(found) if found else None

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[Any]:
        for url in WHEEL_FILES:
            source = wheel_path(url)
            assert source is not None
            storage = FileSystemStorage(location=str(source.parent))
            storage.prefix = str(Path(url).parent)  # type: ignore[attr-defined]
            yield source.name, storage
