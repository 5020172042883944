"""Rules of the house that a reader should be able to rely on."""

import ast
import importlib
import re
import subprocess
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
FILE_LINES = 400
FUNCTION_LINES = 40
SOURCES = (".py", ".js", ".css", ".html", ".sql")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()]


def test_no_source_file_is_longer_than_400_lines() -> None:
    files = [path for path in tracked() if path.suffix in SOURCES]
    assert files
    long = {str(path.relative_to(ROOT)): n for path in files if (n := len(path.read_text().splitlines())) > FILE_LINES}
    assert long == {}


def test_no_function_is_longer_than_40_lines() -> None:
    long = {}
    for path in tracked():
        if path.suffix != ".py" or "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = lines
    assert long == {}


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "mixins", "misc"])
def test_no_module_is_a_lumber_room(word: str) -> None:
    assert [path for path in tracked() if path.stem == word or word in path.relative_to(ROOT).parts] == []


def task_names() -> set[str]:
    """Every task that beat or `enqueue` names."""
    named = {str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    for path in tracked():
        if path.suffix == ".py" and path.parts[len(ROOT.parts)] in {"agents", "metrics", "reviews"}:
            named |= set(re.findall(r"enqueue\(\s*\"([\w.]+)\"", path.read_text()))
    return named


@pytest.mark.parametrize("name", sorted(task_names()))
def test_every_named_task_exists(name: str) -> None:
    module, _, function = name.rpartition(".")
    task = getattr(importlib.import_module(module), function)
    assert task.name == name
    assert name in current_app.tasks


def test_pinned_requirements_name_no_host() -> None:
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    assert pins
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", pin)] == []
