"""Score configs: who agrees on them, and that scores of their names are held to them, whoever gives them."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.test import Client

from agents.models import ApiKey, AuditEvent, Membership, Project, User, api_key
from agents.models.credential import digest, new_secret
from agents.permissions import Scope
from metrics.ingest import pipeline
from metrics.ingest.rows import Batch
from metrics.models import Score, ScoreConfig
from tests.metrics.scores.test_arriving import evaluation
from tests.metrics.sending import NOW

URL = "/api/v1/score-configs"
TRACE = "0af7651916cd43dd8448eb211c80319c"
HELPFUL = {
    "name": "helpfulness",
    "data_type": "categorical",
    "categories": [{"label": "poor", "value": 0}, {"label": "good", "value": 1}, "unclear"],
}
RATING = {"name": "rating", "data_type": "numeric", "min_value": 1, "max_value": 5}
Api = Callable[..., Any]


@pytest.fixture
def lead(project: Project) -> User:
    person = User.objects.create_user("lena@example.org", name="Lena")
    Membership.objects.create(user=person, project=project, role="lead")
    return person


@pytest.fixture
def leads(lead: User, browser_of: Callable[[User], Client]) -> Client:
    return browser_of(lead)


@pytest.fixture
def api(project: Project, at_noon: None) -> Api:
    """A request with a key that may do all."""
    secret = new_secret(api_key.PREFIX)
    scopes = [Scope.ADMIN, Scope.TELEMETRY_WRITE, Scope.TELEMETRY_READ]
    ApiKey.objects.create(project=project, name="all", secret_hash=digest(secret), scopes=scopes)

    def send(method: str, url: str, body: Any = None, **query: Any) -> Any:
        return Client().generic(
            method,
            url,
            b"" if body is None else orjson.dumps(body),
            content_type="application/json",
            headers={"authorization": f"Bearer {secret}"},
            query_params=query,
        )

    return send


def scored(api: Api, **fields: Any) -> Any:
    return api("POST", "/api/v1/scores", {"trace_id": TRACE, **fields})


def test_a_config_is_made_told_back_listed_and_audited(api: Api, project: Project) -> None:
    made = api("POST", URL, HELPFUL)
    assert made.status_code == 201
    told = made.json()
    assert told["categories"][2] == {"label": "unclear", "value": None}
    assert (told["name"], told["data_type"], told["archived"]) == ("helpfulness", "categorical", False)
    assert api("GET", URL).json()["results"] == [told]
    assert api("GET", f"{URL}/{told['id']}").json() == told
    event = AuditEvent.objects.get(action="score_config.created")
    assert (event.project_id, event.actor_label) == (project.pk, "key all")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"data_type": "colour"}, "data_type"),
        ({"min_value": 6}, "min_value"),
        ({"max_value": "5"}, "max_value"),
        ({"categories": ["a"]}, "categories"),
        ({"data_type": "boolean"}, "min_value"),
        ({"data_type": "categorical", "min_value": None, "max_value": None}, "categories"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused_by_field(api: Api, change: dict[str, Any], field: str) -> None:
    answer = api("POST", URL, RATING | change)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert not ScoreConfig.objects.exists()


@pytest.mark.parametrize(
    ("categories", "field"),
    [
        (["a", "A"], "categories"),
        ([{"label": "a", "value": 1}, {"label": "b", "value": 1}], "categories"),
        ([{"label": ""}], "categories[0].label"),
        ([{"label": "a", "value": "x"}], "categories[0].value"),
        ([7], "categories[0]"),
        (["a"] * 51, "categories"),
    ],
)
def test_categories_that_cannot_be_told_apart_are_refused(api: Api, categories: Any, field: str) -> None:
    answer = api("POST", URL, HELPFUL | {"categories": categories})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_a_name_has_one_config_at_a_time_in_any_case(api: Api) -> None:
    first = api("POST", URL, RATING).json()
    assert api("POST", URL, RATING | {"name": "Rating"}).json()["errors"][0]["field"] == "name"
    assert api("PATCH", f"{URL}/{first['id']}", {"archived": True}).json()["archived"] is True
    assert api("GET", URL).json()["results"] == []
    assert len(api("GET", URL, archived="1").json()["results"]) == 1
    assert api("POST", URL, RATING | {"name": "Rating"}).status_code == 201
    back = api("PATCH", f"{URL}/{first['id']}", {"archived": False})
    assert (back.status_code, back.json()["errors"][0]["field"]) == (422, "name")


def test_what_is_left_out_of_a_change_stays_and_the_type_never_changes(api: Api) -> None:
    made = api("POST", URL, RATING | {"description": "Stars"}).json()
    told = api("PATCH", f"{URL}/{made['id']}", {"max_value": 10}).json()
    assert (told["max_value"], told["min_value"], told["description"]) == (10.0, 1.0, "Stars")
    detail = AuditEvent.objects.get(action="score_config.changed").detail
    assert detail["changed"] == {"max_value": {"from": 5.0, "to": 10.0}}
    refused = api("PATCH", f"{URL}/{made['id']}", {"data_type": "text", "min_value": None, "max_value": None})
    assert refused.json()["errors"][0]["field"] == "data_type"
    assert api("PATCH", f"{URL}/{made['id']}", {"created_at": "x"}).json()["errors"][0]["field"] == "created_at"
    assert api("PATCH", f"{URL}/{made['id']}", {"archived": "yes"}).json()["errors"][0]["field"] == "archived"


def test_configs_of_others_do_not_exist(api: Api, other_project: Project) -> None:
    theirs = ScoreConfig.objects.create(
        project=other_project, name="rating", data_type="text", created_at=NOW, updated_at=NOW
    )
    assert api("GET", f"{URL}/{theirs.pk}").status_code == 404
    assert api("PATCH", f"{URL}/{theirs.pk}", {"archived": True}).status_code == 404
    assert scored(api, name="rating", value=1).status_code == 201


@pytest.mark.parametrize(
    ("config", "given", "kept"),
    [
        (RATING, {"value": 5}, ("rating", "numeric", 5.0, "")),
        (RATING, {"name": "Rating", "value": 1, "label": "bad"}, ("rating", "numeric", 1.0, "bad")),
        (HELPFUL, {"label": "GOOD"}, ("helpfulness", "categorical", 1.0, "good")),
        (HELPFUL, {"value": 0}, ("helpfulness", "categorical", 0.0, "poor")),
        (HELPFUL, {"label": "unclear"}, ("helpfulness", "categorical", None, "unclear")),
        ({"name": "solved", "data_type": "boolean"}, {"label": "True"}, ("solved", "boolean", 1.0, "")),
        ({"name": "solved", "data_type": "boolean"}, {"value": False}, ("solved", "boolean", 0.0, "")),
        ({"name": "note", "data_type": "text"}, {"label": "Too long."}, ("note", "text", None, "Too long.")),
    ],
)
def test_a_score_that_fits_is_stored_as_the_config_has_it(
    api: Api, config: dict[str, Any], given: dict[str, Any], kept: tuple[Any, ...]
) -> None:
    api("POST", URL, config)
    assert scored(api, **{"name": config["name"], **given}).status_code == 201
    score = Score.objects.get()
    assert (score.name, score.data_type, score.value, score.label) == kept


@pytest.mark.parametrize(
    ("config", "given", "field"),
    [
        (RATING, {"value": 0}, "value"),
        (RATING, {"value": 5.5}, "value"),
        (RATING, {"label": "good"}, "value"),
        (RATING, {"value": 3, "data_type": "text"}, "data_type"),
        (HELPFUL, {"label": "great"}, "label"),
        (HELPFUL, {"value": 7}, "value"),
        (HELPFUL, {"label": "good", "value": 0}, "value"),
        ({"name": "solved", "data_type": "boolean"}, {"value": 2}, "value"),
        ({"name": "solved", "data_type": "boolean"}, {"label": "maybe"}, "label"),
        ({"name": "solved", "data_type": "boolean"}, {"label": "no", "value": 1}, "label"),
        ({"name": "note", "data_type": "text"}, {"value": 1, "label": "x"}, "value"),
    ],
)
def test_a_score_that_does_not_fit_is_refused_by_field(
    api: Api, config: dict[str, Any], given: dict[str, Any], field: str
) -> None:
    api("POST", URL, config)
    answer = scored(api, **{"name": config["name"], **given})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    body = [{"trace_id": TRACE, "name": "other", "value": 1}, {"trace_id": TRACE, "name": config["name"], **given}]
    assert api("POST", "/api/v1/scores", body).json()["errors"][0]["field"] == f"[1].{field}"
    assert not Score.objects.exists()


def test_a_stated_type_is_held_to_without_a_config_too(api: Api) -> None:
    assert scored(api, name="n", value=0.5, data_type="boolean").json()["errors"][0]["field"] == "value"
    assert scored(api, name="n", value=1, data_type="boolean").json()["data_type"] == "boolean"
    assert scored(api, name="n", value=1, data_type="colour").json()["errors"][0]["field"] == "data_type"


def test_an_evaluation_in_the_logs_that_does_not_fit_stays_as_it_came(api: Api, project: Project) -> None:
    api("POST", URL, RATING)
    rows = [evaluation(name="rating", score__value=9), evaluation(name="rating", score__value=4)]
    pipeline.store_logs(project.pk, Batch(rows=rows), NOW)
    assert set(Score.objects.values_list("value", "data_type")) == {(9.0, ""), (4.0, "numeric")}


def test_only_those_who_make_policies_agree_on_forms(project: Project, leads: Client, page: Client) -> None:
    made = leads.post(f"{URL}?project=fleet", RATING, content_type="application/json")
    assert made.status_code == 201
    address = f"{URL}/{made.json()['id']}"
    assert page.post(f"{URL}?project=fleet", RATING, content_type="application/json").status_code == 403
    assert page.patch(address, {"archived": True}, content_type="application/json").status_code == 403
    assert page.get(address).status_code == 200
