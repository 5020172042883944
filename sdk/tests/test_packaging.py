"""What a released distribution must carry."""

from __future__ import annotations

import ast
import email
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

SDK = Path(__file__).resolve().parent.parent
LEFT_BEHIND = shutil.ignore_patterns("build", "dist", "*.egg-info", "__pycache__", ".*")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel and the source distribution, built from a copy without a network."""
    pytest.importorskip("build")
    folder = tmp_path_factory.mktemp("release")
    shutil.copytree(SDK, folder / "sdk", ignore=LEFT_BEHIND)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(folder / "sdk")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    (path,) = built.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = [each for each in wheel.namelist() if each.endswith(".dist-info/METADATA")]
    return email.message_from_bytes(wheel.read(name))


def test_the_distribution_has_the_licence_of_the_whole() -> None:
    assert (SDK / "LICENSE").read_bytes() == (SDK.parent / "LICENSE").read_bytes()


def test_an_agent_installs_no_framework_it_does_not_ask_for(metadata: Message) -> None:
    wanted = metadata.get_all("Requires-Dist", [])
    assert sorted(re.split(r"[<>=; ]", each)[0] for each in wanted if "extra ==" not in each) == ["httpx", "rfc8785"]
    assert set(metadata.get_all("Provides-Extra", [])) == {
        "otel", "langgraph", "langchain", "pydantic-ai", "openai-agents", "mcp", "crewai", "receipts", "dev",
    }  # fmt: skip


def test_the_metadata_say_what_it_is(metadata: Message) -> None:
    assert (metadata["Name"], metadata["Requires-Python"]) == ("handrail", ">=3.10")
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "## A function that needs approval" in str(metadata.get_payload())


def test_the_wheel_has_every_module_and_says_that_it_is_typed(wheel: zipfile.ZipFile) -> None:
    source = SDK / "src"
    wanted = {str(path.relative_to(source)) for path in (source / "handrail").rglob("*.py")} | {"handrail/py.typed"}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == wanted
    (entry,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert wheel.read(entry).decode().split() == ["[console_scripts]", "handrail", "=", "handrail.cli.main:main"]


def test_the_source_distribution_has_what_it_is_built_from(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "src/handrail/py.typed"} <= names


def test_the_wheel_works_where_it_is_installed(built: Path, tmp_path: Path) -> None:
    (path,) = built.glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--target", str(tmp_path), str(path)]
    assert subprocess.run(install, capture_output=True, timeout=300, check=False).returncode == 0
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import handrail; print(handrail.__file__); "
        "from handrail.cli.main import main; main(['--help'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith(str(tmp_path)), done.stderr
    assert "approvals" in done.stdout


@pytest.mark.parametrize("path", sorted((SDK / "src").rglob("*.py")), ids=lambda path: path.name)
def test_the_grammar_is_that_of_python_3_10(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 10))


def test_importing_it_imports_no_framework() -> None:
    """The client is small where nothing else is installed, and quick to import where everything is."""
    frameworks = ("langgraph", "langchain_core", "pydantic_ai", "pydantic", "mcp", "opentelemetry.sdk", "joserfc")
    program = f"import sys, handrail; print([name for name in {frameworks} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
