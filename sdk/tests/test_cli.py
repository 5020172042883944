"""The command line, as people and scripts use it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from loopback import KEY, Loopback

from handrail.cli.main import main
from handrail.cli.tables import table


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, server: Loopback) -> None:
    monkeypatch.setenv("HANDRAIL_URL", server.url)
    monkeypatch.setenv("HANDRAIL_TOKEN", KEY)
    monkeypatch.delenv("HANDRAIL_API_KEY", raising=False)


@pytest.fixture
def asked(server: Loopback) -> dict[str, Any]:
    with server.changed:
        return server.create({"action": "refund", "arguments": {"amount": 120}})


def test_the_queue_is_a_table_and_json(
    server: Loopback, asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with server.changed:
        for number in range(4):
            server.create({"action": f"restart_{number}", "session_id": "s"})
    assert main(["approvals", "list", "--status", "pending", "--limit", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ID", "STATUS", "RISK", "ACTION", "ARGUMENTS", "AGENT", "EXPIRES"]
    assert [line.split()[3] for line in lines[1:]] == ["restart_3", "restart_2", "restart_1"]
    assert main(["approvals", "list", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(found) == 5
    assert found[-1]["id"] == asked["id"]


def test_an_empty_queue_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["approvals", "list"]) == 0
    assert capsys.readouterr().out == "Nothing here.\n"


def test_one_request_is_shown_whole(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["approvals", "show", asked["id"]]) == 0
    out = capsys.readouterr().out
    assert '"amount": 120' in out
    assert asked["url"] in out


@pytest.mark.parametrize(
    ("words", "status", "arguments"),
    [
        (["approve"], "approved", {"amount": 120}),
        (["approve", "--arguments", '{"amount": 80}'], "approved", {"amount": 80}),
        (["reject", "--reason", "no"], "rejected", None),
    ],
)
def test_a_person_decides(
    server: Loopback, asked: dict[str, Any], words: list[str], status: str, arguments: dict[str, Any] | None
) -> None:
    assert main(["approvals", *words, asked["id"]]) == 0
    found = server.approvals[asked["id"]]
    assert (found["status"], found["decision"]["arguments"]) == (status, arguments)


def test_arguments_may_come_from_a_file(server: Loopback, asked: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "arguments.json").write_text('{"amount": 1}')
    assert main(["approvals", "approve", asked["id"], "--arguments", f"@{tmp_path}/arguments.json"]) == 0
    assert server.approvals[asked["id"]]["decision"]["arguments"] == {"amount": 1}


def test_exit_codes_tell_the_ends_apart(
    server: Loopback, asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["approvals", "show", "nothing"]) == 1
    assert main(["approvals", "approve", asked["id"]]) == 0
    assert main(["approvals", "approve", asked["id"]]) == 4
    assert main(["--token", "hrp_wrong", "approvals", "list"]) == 5
    for words in (["approvals"], ["approvals", "approve", "x", "--arguments", "[1]"], ["nonsense"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 2
    assert "hrp_wrong" not in capsys.readouterr().err


def test_a_server_that_is_away_has_a_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, server: Loopback, capsys: pytest.CaptureFixture[str]
) -> None:
    from handrail import RetryPolicy
    from handrail.cli import main as module

    monkeypatch.setattr(module, "PATIENCE", RetryPolicy(base_seconds=0.001, patience_seconds=0.02))
    server.stop()
    assert main(["approvals", "list"]) == 3
    assert capsys.readouterr().err.startswith("handrail: GET /api/v1/approvals: no answer")


def test_the_project_travels_with_every_call(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_PROJECT", "")
    assert main(["--project", "shop", "approvals", "list"]) == 0
    assert server.seen[-1].headers["handrail-project"] == "shop"


def example(number: int) -> dict[str, Any]:
    return {
        "id": f"e-{number}",
        "revision": 1,
        "cursor": str(number + 1),
        "approval_id": f"a-{number}",
        "action": "=cmd()",
        "verdict": "approve",
        "proposed_arguments": {"amount": number},
        "final_arguments": {"amount": number},
        "labels": [],
    }


def test_feedback_is_exported_and_goes_on_where_it_broke_off(server: Loopback, tmp_path: Path) -> None:
    server.examples = [example(number) for number in range(5)]
    target = tmp_path / "examples.jsonl"
    whole = [json.dumps(each) for each in server.examples]
    target.write_text("\n".join(whole[:2]) + "\n" + whole[2][:17])
    assert main(["feedback", "export", "--output", str(target), "--resume"]) == 0
    assert [json.loads(line)["id"] for line in target.read_text().splitlines()] == [f"e-{n}" for n in range(5)]
    assert server.seen[-1].query["cursor"] == ["2"]
    target.unlink()
    assert main(["feedback", "export", "--output", str(target), "--resume"]) == 0
    assert len(target.read_text().splitlines()) == 5


def test_as_csv_nothing_is_a_formula(server: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    server.examples = [example(0) | {"reason": "  =2+2", "message": "-- fine", "summary": "＝1"}]
    assert main(["feedback", "export", "--format", "csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["action"], row["reason"], row["message"]) == ("'=cmd()", "'  =2+2", "'-- fine")
    assert row["summary"].startswith("'")
    assert json.loads(row["final_arguments"]) == {"amount": 0}


def test_as_csv_it_says_who_asked_under_which_rule_and_what_came_of_it(
    server: Loopback, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = {
        "agent": {"name": "desk", "version": "3"}, "policy": {"version": 2, "rule": "large"}, "models": ["gpt-5"],
        "risk": {"level": "high", "score": 0.7}, "reviewer": {"id": "r1", "role": "lead"}, "cost_usd": "0.02",
        "outcome": {"status": "failed", "detail": {}}, "diff": [{"op": "replace"}],
    }  # fmt: skip
    server.examples = [example(0) | whole, example(1)]
    assert main(["feedback", "export", "--format", "csv"]) == 0
    row, bare = csv.DictReader(io.StringIO(capsys.readouterr().out))
    said = ("agent", "agent_version", "policy_version", "policy_rule", "risk_level", "reviewer", "reviewer_role")
    assert [row[name] for name in said] == ["desk", "3", "2", "large", "high", "r1", "lead"]
    assert (row["outcome_status"], row["cost_usd"], json.loads(row["models"])) == ("failed", "0.02", ["gpt-5"])
    assert [bare[name] for name in said] == [""] * len(said)


def test_resuming_needs_a_file_of_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["feedback", "export", "--resume"]) == 1
    assert "--resume needs --output" in capsys.readouterr().err


def test_traces_are_printed_oldest_first_as_a_table_or_json(
    server: Loopback, capsys: pytest.CaptureFixture[str]
) -> None:
    server.traces = [
        {"trace_id": name, "name": "invoke_agent", "status": "ok", "duration_ms": 1200.0, "cost_usd": "0.0123",
         "input_tokens": 900, "output_tokens": 100, "agents": ["desk"], "start": "2026-01-02T03:04:05Z"}
        for name in ("bb" * 16, "aa" * 16)
    ]  # fmt: skip
    assert main(["trace", "tail", "--once"]) == 0
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.startswith("START")
    assert "aa" * 16 in first
    assert "1,200 ms" in second
    assert "0.0123 USD" in second
    assert main(["trace", "tail", "--once", "--json", "--agent", "desk"]) == 0
    assert [json.loads(line)["trace_id"][:2] for line in capsys.readouterr().out.splitlines()] == ["aa", "bb"]


def test_what_an_agent_sent_does_not_write_on_the_terminal() -> None:
    drawn = table(("action",), [("\x1b[2J\x9b31mwipe\u202e",), ("x" * 100,)])
    assert "\x1b" not in drawn
    assert "\x9b" not in drawn
    assert "\u202e" not in drawn
    assert drawn.endswith("x…")


def test_a_reader_that_has_had_enough_is_no_error(server: Loopback) -> None:
    server.examples = [example(number) for number in range(3000)]
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m handrail feedback export | head -n 1"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert json.loads(done.stdout)["id"] == "e-0"
    assert "Traceback" not in done.stderr
