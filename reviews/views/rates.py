"""How often people approved what an agent asked for: a part of the agent's page, which metrics composes."""

from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from agents.access import page_project
from agents.permissions import Permission
from console.lib import clock
from metrics.ranges import ParameterError, parse_time
from reviews.selectors.rates import of_agent

DEFAULT_DAYS = 30


def agent_rates(request: HttpRequest, project: str) -> HttpResponse:
    """GET queue/rates/?agent=&from=: share approved of decided, by version."""
    found = page_project(request, project, Permission.APPROVAL_VIEW)
    agent = request.GET.get("agent", "")[:200]
    rates = of_agent(found, agent, _since(request)) if agent and "\x00" not in agent else []
    return render(request, "reviews/_rates.html", {"project": found, "rates": rates})


def _since(request: HttpRequest) -> datetime:
    """The `from` of the address; a month back when there is none that can be read."""
    try:
        return parse_time(request.GET.get("from", ""), parameter="from", tz=UTC)
    except ParameterError:
        return clock.now() - timedelta(days=DEFAULT_DAYS)
