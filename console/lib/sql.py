"""Batch SQL lives in named files, `<package>/sql/<name>.sql`, read once per process."""

from functools import cache
from importlib.resources import files


@cache
def load(package: str, name: str) -> str:
    """The text of `<package>/sql/<name>.sql`."""
    return files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
