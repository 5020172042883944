"""Scores that come with other telemetry: evaluations as log records, and what Langfuse's SDKs send."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.models import ApiKey, Project, api_key
from agents.models.credential import digest, new_secret
from agents.permissions import Scope
from metrics.ingest import pipeline
from metrics.ingest.rows import Batch, RawLog, Source
from metrics.models import Log, Score
from tests.metrics.ingest.captures import EXPECTED, FOLDER
from tests.metrics.sending import NOW, Sending, ns

TRACE = bytes(range(1, 17))
URL = "/api/public/ingestion"


def evaluation(**attributes: Any) -> RawLog:
    named = {f"gen_ai.evaluation.{name.replace('__', '.')}": value for name, value in attributes.items()}
    return RawLog(
        ns(NOW), ns(NOW), TRACE, bytes(range(1, 9)), 9, "INFO", "gen_ai.evaluation.result", None, named, Source()
    )


def store(project: Project, *records: RawLog) -> None:
    outcome = pipeline.store_logs(project.pk, Batch(rows=list(records)), NOW)
    assert outcome.refused == 0


def test_an_evaluation_in_the_logs_becomes_a_score_of_its_span(project: Project) -> None:
    record = evaluation(name="Relevance", score__value=0.85, score__label="relevant", explanation="Fits.")
    store(project, record)
    score = Score.objects.get()
    assert (bytes(score.trace_id or b""), bytes(score.span_id or b"")) == (TRACE, bytes(range(1, 9)))
    assert (score.name, score.value, score.label, score.comment) == ("Relevance", 0.85, "relevant", "Fits.")
    assert (score.source, score.project_id) == ("evaluation", project.pk)
    assert Log.objects.count() == 1


def test_an_evaluation_that_is_sent_again_is_one_score(project: Project) -> None:
    for _ in range(2):
        store(project, evaluation(name="Relevance", score__value=1))
    assert Score.objects.count() == 1


def test_evaluations_that_say_nothing_are_logs_only(project: Project) -> None:
    store(
        project,
        evaluation(name="Relevance"),
        evaluation(score__value=1),
        evaluation(name="Relevance", score__value="NaN"),
        evaluation(name="Long" * 100, score__label="x" * 900, explanation="\x00" + "é" * 9_000),
    )
    score = Score.objects.get()
    assert (len(score.name), len(score.label), len(score.comment)) == (120, 500, 4_000)
    assert Log.objects.count() == 4


@pytest.fixture
def ingest(project: Project, at_noon: None) -> Callable[[Any], Any]:
    """A POST as Langfuse's SDK authenticates: Basic, the secret key as the password."""
    secret = new_secret(api_key.PREFIX)
    ApiKey.objects.create(project=project, name="langfuse", secret_hash=digest(secret), scopes=[Scope.TELEMETRY_WRITE])
    basic = base64.b64encode(f"pk-lf-1:{secret}".encode()).decode()

    def post(body: Any) -> Any:
        headers: Any = {"authorization": f"Basic {basic}"}
        return Client().post(URL, body, content_type="application/json", headers=headers)

    return post


def test_the_recorded_score_is_shown_as_expected(ingest: Callable[[Any], Any]) -> None:
    body = (FOLDER / "langfuse-v4" / "002.bin").read_bytes()
    answer = ingest(body)
    assert answer.status_code == 207
    assert answer.json() == {"successes": [{"id": "9f9326be5a7eff0d44d09f3d38c20ebb", "status": 201}], "errors": []}
    (wanted,) = EXPECTED["langfuse-v4"]["scores"]
    score = Score.objects.get()
    assert (score.name, score.value) == (wanted["name"], wanted["value"])
    assert (bytes(score.trace_id or b"").hex(), score.comment) == ("0af7651916cd43dd8448eb211c80319c", "ok")
    assert ingest(body).status_code == 207
    assert Score.objects.count() == 1


def test_every_event_is_answered_for_itself(ingest: Callable[[Any], Any]) -> None:
    about = {"traceId": TRACE.hex(), "name": "n"}

    def event(number: int, body: Any, kind: str = "score-create") -> dict[str, Any]:
        return {"id": str(number), "type": kind, "timestamp": "2026-11-21T00:00:00Z", "body": body}

    answer = ingest({
        "batch": [
            event(1, about | {"value": "good", "dataType": "CATEGORICAL", "observationId": "00000000000000ff"}),
            event(2, about | {"value": True}),
            event(3, {}, "trace-create"),
            event(4, about),
            event(5, {"name": "n", "value": 1, "datasetRunId": "r"}),
            event(6, about | {"value": "x" * 501}),
            event(7, "no object"),
            "no object",
        ]
    }).json()  # fmt: skip
    assert [one["id"] for one in answer["successes"]] == ["1", "2"]
    told = {one["id"]: one["message"] for one in answer["errors"]}
    assert "/api/public/otel/v1/traces" in told["3"]
    assert told["4"].startswith("value:")
    assert told["5"].startswith("traceId:")
    assert told["6"].startswith("value:")
    assert told["7"].startswith("body:")
    assert told[""].startswith("batch:")
    assert set(Score.objects.values_list("label", "value")) == {("good", None), ("", 1.0)}


@pytest.mark.parametrize("body", [[], {}, {"batch": {}}, {"batch": [{}] * 501}])
def test_a_body_without_a_batch_is_refused(ingest: Callable[[Any], Any], body: Any) -> None:
    assert ingest(body).status_code == 400


def test_a_score_may_come_before_its_trace(ingest: Callable[[Any], Any], sending: Sending, ask: Any) -> None:
    root = sending.agent()
    body = {"id": "1", "traceId": root.trace_id.hex(), "name": "early", "value": 1}
    ingest({"batch": [{"id": "e", "type": "score-create", "body": body}]})
    sending.send([root])
    assert [one["name"] for one in ask(f"traces/{root.trace_id.hex()}").json()["scores"]] == ["early"]
