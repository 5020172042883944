"""Signs of life of agents."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from console.lib import live
from console.lib.sql import load
from metrics.ingest.limits import json_text
from metrics.ingest.rows import Value


@dataclass(frozen=True, slots=True)
class Beat:
    """What an agent says about itself at a moment."""

    agent: str
    status: str
    at: datetime
    # Objects or lists, as the agent words them.
    components: Value = field(default_factory=dict)
    circuit_breakers: Value = field(default_factory=dict)


def record(*, project_id: int, beats: list[Beat]) -> int:
    """Keeps the latest beat of each agent and returns how many were news; older ones than the stored are ignored."""
    latest: dict[str, Beat] = {}
    for beat in beats:
        if beat.agent not in latest or latest[beat.agent].at <= beat.at:
            latest[beat.agent] = beat
    if not latest:
        return 0
    rows = [
        {
            "agent": beat.agent,
            "status": beat.status,
            "at": beat.at.isoformat(),
            "components": beat.components,
            "circuit_breakers": beat.circuit_breakers,
        }
        for _, beat in sorted(latest.items())
    ]
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "merge_heartbeats"), {"project": project_id, "rows": json_text(rows)})
        news = int(cursor.rowcount)
    if news:
        live.publish(live.project_group(project_id, "metrics"), heartbeats=news)
    return news
