"""The metrics explorer: the list and one metric."""

import re
from typing import Any

from django.test import Client

from agents.models import Project
from tests.metrics.read.test_points import DELTA, point, send

URL = "/p/fleet/metrics/"
HTMX: Any = {"HX-Request": "true"}
HOSTILE = '<b onclick="x">&'


def test_without_metrics_the_page_says_how_to_send_them(page: Client) -> None:
    html = page.get(URL).content.decode()
    assert "OTEL_EXPORTER_OTLP_HEADERS" in html
    assert "CLAUDE_CODE_ENABLE_TELEMETRY" in html


def test_the_first_metric_makes_an_empty_page_whole(page: Client, project: Project) -> None:
    send(project, point("g", 60, 1.0))
    assert page.get(f"{URL}?waiting=1", headers=HTMX)["HX-Refresh"] == "true"


def test_the_list_leads_to_a_metric_whatever_its_name(page: Client, project: Project) -> None:
    send(project, point(f"odd/{HOSTILE} name?", 60, 1.0), point("plain", 60, 1.0))
    html = page.get(URL).content.decode()
    assert HOSTILE not in html
    (link,) = re.findall(r'href="[^"]*(\?name=odd[^"]+)"', html)
    answer = page.get(URL + link.replace("&amp;", "&"))
    assert answer.status_code == 200
    assert HOSTILE not in answer.content.decode()
    assert "plain" not in page.get(f"{URL}?q=odd", headers=HTMX).content.decode()


def test_a_metric_is_drawn_by_attribute_and_filtered(page: Client, project: Project) -> None:
    for kind, value in (("input", 600.0), ("output", 60.0)):
        send(project, point("claude_code.token.usage", 60, value, attributes={"type": kind}, **DELTA))
    asked = f"{URL}?name=claude_code.token.usage&agg=sum&range=1h"
    html = page.get(f"{asked}&group_by=type").content.decode()
    assert html.index(">input</th>") < html.index(">output</th>")
    assert '"name": "input"' in html
    assert "type=input" in html
    html = page.get(f"{asked}&where=type%3Doutput").content.decode()
    assert 'class="chip"' in html
    assert ">60<" in html


def test_a_question_that_cannot_be_answered_says_why_on_the_page(page: Client, project: Project) -> None:
    send(project, point("g", 60, 1.0))
    assert "agg must be one of" in page.get(f"{URL}?name=g&agg=p95").content.decode()
    assert "key=value" in page.get(f"{URL}?name=g&where=x").content.decode()
    assert page.get(f"{URL}?cursor=nonsense").status_code == 200


def test_metrics_of_other_projects_do_not_exist(page: Client, other_project: Project) -> None:
    send(other_project, point("theirs", 60, 1.0))
    assert page.get(f"{URL}?name=theirs").status_code == 404
    assert "theirs" not in page.get(URL).content.decode()
