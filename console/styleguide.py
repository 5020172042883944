"""What the component gallery at /styleguide/ shows: made-up values, one of every kind."""

from datetime import timedelta
from typing import Any

from django import forms

from console.lib import clock

STATES = [
    "pending", "info_requested", "approved", "answered", "rejected", "mixed", "expired", "cancelled",
    "ok", "error", "waiting", "succeeded", "failed", "reverted",
]  # fmt: skip
RISING = [3, 4, 3, 5, 6, 5, 7, 8, 7, 9, 8, 11]
HOURS = [f"2026-11-20T{hour:02d}:00:00Z" for hour in range(12)]


class SampleForm(forms.Form):
    """A field of every sort."""

    name = forms.CharField(help_text="Shown in the rail and in notifications.")
    role = forms.ChoiceField(choices=[("reviewer", "Reviewer"), ("lead", "Lead")])
    days = forms.IntegerField(label="Days to keep telemetry", initial=90, max_value=365)
    note = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    scopes = forms.MultipleChoiceField(
        choices=[("a", "telemetry:write"), ("b", "approvals:request")], widget=forms.CheckboxSelectMultiple
    )
    weekly = forms.BooleanField(label="Send a weekly summary", required=False, help_text="On Mondays.")


def _bars(name: str, values: list[int], colour: str) -> dict[str, Any]:
    return {"type": "bar", "name": name, "x": HOURS, "y": values, "marker": {"color": colour}}


def _line(name: str, values: list[float], colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": HOURS,
        "y": values,
        "line": {"color": colour, "width": 2},
    }


def _figures() -> dict[str, Any]:
    stacked = [
        _bars("gpt-4.1", RISING, "--chart-1"),
        _bars("claude-sonnet-4", [value // 2 for value in RISING], "--chart-2"),
        _bars("gpt-4.1-mini", [1] * 12, "--chart-3"),
    ]
    lines = [
        _line("p50", [0.8 + value / 50 for value in RISING], "--chart-1"),
        _line("p95", [1.9 + value / 20 for value in RISING], "--chart-4"),
        _line("p99", [3.2 + value / 12 for value in RISING], "--chart-3"),
    ]
    return {
        "cost": {"data": stacked, "layout": {"barmode": "stack", "yaxis": {"tickprefix": "$"}}},
        "latency": {"data": lines, "layout": {"yaxis": {"ticksuffix": " s"}}},
        "empty": {"data": [], "layout": {}},
    }


def _span(name: str, kind: str, icon: str, indent: int, x: int, width: int, status: str = "ok") -> dict[str, Any]:
    return {
        "name": name, "kind": kind, "icon": icon, "indent": indent, "x": x, "width": width, "status": status,
        "ns": width * 4_000_000,
    }  # fmt: skip


def sample() -> dict[str, Any]:
    """The gallery's context."""
    now = clock.now()
    trace = {"model": "gpt-4.1", "agent": "support-agent", "tokens": 12431, "cost": 42_100_000, "ns": 3_240_000_000}
    return {
        "now": now - timedelta(minutes=2),
        "started": now - timedelta(minutes=6),
        "soon": now + timedelta(minutes=4),
        "rising": RISING,
        "falling": RISING[::-1],
        "states": STATES,
        "form": SampleForm({"name": "", "role": "lead", "days": "900"}),
        "json": {"order": 8812, "amount": 4200.5, "irreversible": True, "note": None, "items": [{"sku": "A-1"}, {}]},
        "traces": [
            trace | {"name": "refund conversation", "status": "ok"},
            trace | {"name": "incident triage", "status": "error", "cost": None},
            trace | {"name": "nightly data cleanup", "status": "waiting", "ns": 182_000_000_000},
        ],
        "spans": [
            _span("support-agent", "agent", "bot", 0, 0, 1000),
            _span("chat gpt-4.1", "llm", "sparkles", 14, 20, 330),
            _span("lookup_order", "tool", "wrench", 14, 360, 120),
            _span("search_policies", "retriever", "file-search", 14, 480, 90, "error"),
            _span("process_refund", "human", "user-check", 14, 580, 400, "waiting"),
        ],
        **_figures(),
    }
