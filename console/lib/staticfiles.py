"""Static files: served in one piece, single ones out of pinned wheels, so that no third-party script is copied here."""

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]
from whitenoise.responders import StaticFile  # type: ignore[import-untyped]

WHEEL_FILES = {"vendor/plotly.min.js": ("plotly", "package_data/plotly.min.js")}


def wheel_path(url: str) -> Path | None:
    """Where the wheel keeps the file that is served under `url`, or None for any other address."""
    if url not in WHEEL_FILES:
        return None
    package, inside = WHEEL_FILES[url]
    return Path(str(files(package).joinpath(inside)))


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # WhiteNoise ships no types
    """WhiteNoise, whose answers stream from a file: a server of ASGI cannot await that, warns and reads all at once.

    All our files are small, so they are read here, in the thread that looks them up.
    """

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        """The file as a whole, or the part that was asked for."""
        found = static_file.get_response(request.method, request.META)
        content = b""
        if found.file is not None:
            with found.file as file:
                content = file.read()
        response = HttpResponse(content, status=int(found.status))
        del response["Content-Type"]  # a 304 has none
        for name, value in found.headers:
            response[name] = value
        return response


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
