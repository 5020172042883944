"""What is wrong with a draft is told where it is written, all at once; a draft goes on when a version came between."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import AuditEvent, Project, Team
from reviews.models import PolicyDraft, PolicyVersion
from reviews.policy.reading import read_policy
from reviews.policy.schema import Rule, load
from reviews.services import policies
from tests.reviews.conftest import NOON
from tests.reviews.test_pages_policies import BASE, RULES, drafted, lead, published, rule_form, text_of

__all__ = ["lead", "published"]


def test_all_that_is_wrong_with_a_rule_is_told_at_once(lead: Client, published: object) -> None:
    wrong = {"name": "drops", "approvals": 0, "deadline": "soon", "steps": "finanze 15m", "condition": "args.amount >"}
    text = lead.post(f"{BASE}draft/rules/3/", rule_form(**wrong)).content.decode()
    for words in (
        "Another rule has this name.",
        "greater than or equal to 1",
        "Write a length of time such as 15m.",
        "There is no team “finanze” in this project.",
        "Is not CEL",
    ):
        assert words in text, words


def test_steps_that_cannot_be_read_are_not_called_missing(lead: Client, published: object) -> None:
    form = rule_form(steps="finance", on_timeout="escalate", condition="amount > 3")
    text = lead.post(f"{BASE}draft/rules/3/", form).content.decode()
    assert "does not end with a length of time" in text
    assert "Uses amount, which there is not" in text
    assert "no escalation steps" not in text


def test_a_rule_that_names_a_team_which_is_gone_is_named_and_linked(
    project: Project, lead: Client, published: object
) -> None:
    team = Team.objects.create(project=project, slug="finance", name="Finance", created_at=NOON)
    lead.post(f"{BASE}draft/rules/3/", rule_form(name="<b>large</b>", steps="finance 15m", on_timeout="escalate"))
    team.archived_at = NOON
    team.save()
    for text in (
        text_of(lead, "draft/"),
        lead.post(f"{BASE}draft/", {"do": "publish", "edition": 1}, follow=True).content.decode(),
    ):
        assert "Rule “&lt;b&gt;large&lt;/b&gt;” names somebody whom this project does not have" in text
        assert "Escalation step 1: there is no team “finance” in this project." in text
        assert f'href="{BASE}draft/rules/2/"' in text
        assert "rules[" not in text


def overtaken(project: Project, ana: Caller, lead: Client, *theirs: dict[str, Any]) -> None:
    """A draft that changes the second rule and drops the first one, and a version that came after it was begun."""
    lead.post(f"{BASE}draft/rules/1/", rule_form(name="drops", condition='action == "drop"', edition=0))
    lead.post(f"{BASE}draft/", {"do": "remove", "place": 0, "edition": 1})
    policies.publish(project=project, by=ana, policy=read_policy({"rules": list(theirs)}), now=NOON)


def rules_of(project: Project) -> dict[str, Rule]:
    return {rule.name: rule for rule in load(PolicyDraft.objects.get(project=project).document).rules}


def test_a_draft_takes_over_what_a_version_changed_elsewhere(
    project: Project, ana: Caller, lead: Client, published: object
) -> None:
    overtaken(project, ana, lead, *RULES[:2], {"name": "wires", "effect": "review", "condition": "false"}, RULES[2])
    text = text_of(lead, "draft/")
    assert "Version 3 was published after this draft was begun" in text
    assert "Take version 3 over into the draft" in text
    assert 'type="radio"' not in text
    lead.post(f"{BASE}draft/", {"do": "rebase", "edition": 2, "onto": 3})
    assert drafted(project) == ["drops", "wires", "the rest"]
    assert PolicyDraft.objects.get().base == 3
    assert AuditEvent.objects.get(action="policy.draft_rebased").detail == {"from": 2, "onto": 3, "chosen": {}}
    assert lead.post(f"{BASE}draft/", {"do": "publish", "edition": 3}).headers["Location"] == BASE
    assert PolicyVersion.objects.count() == 4


@pytest.mark.parametrize(("choice", "effect"), [("draft", "review"), ("version", "auto_approve")])
def test_where_both_changed_a_rule_somebody_chooses(
    project: Project, ana: Caller, lead: Client, published: object, choice: str, effect: str
) -> None:
    overtaken(project, ana, lead, RULES[0], {"name": "drops", "effect": "auto_approve", "condition": "true"}, RULES[2])
    text = text_of(lead, "draft/")
    assert 'name="conflict" value="rule:drops"' in text
    rebase = {"do": "rebase", "edition": 2, "onto": 3, "conflict": "rule:drops"}
    unsaid = lead.post(f"{BASE}draft/", rebase, follow=True).content.decode()
    assert "Choose whose change counts" in unsaid
    assert PolicyDraft.objects.get().base == 2
    lead.post(f"{BASE}draft/", {**rebase, "choice-0": choice})
    assert rules_of(project)["drops"].effect == effect
    assert "small" not in rules_of(project)
    assert PolicyDraft.objects.get().base == 3


def test_a_draft_is_not_put_on_a_version_that_nobody_has_looked_at(
    project: Project, ana: Caller, lead: Client, published: object
) -> None:
    overtaken(project, ana, lead, *RULES)
    for stale in ({"edition": 2, "onto": 2}, {"edition": 1, "onto": 3}, {"edition": 2, "onto": "x"}):
        text = lead.post(f"{BASE}draft/", {"do": "rebase", **stale}, follow=True).content.decode()
        assert "has changed in the meantime" in text
    assert PolicyDraft.objects.get().base == 2
