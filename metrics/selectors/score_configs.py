"""Score configs of a project, and the rules that they make for scores."""

from collections.abc import Iterable

from django.db.models.functions import Lower

from metrics.models import ScoreConfig
from metrics.score_rules import Category, Rule


def offered(project_id: int) -> list[ScoreConfig]:
    """The configs that hold, alphabetically. There are never more than metrics.services.score_configs.MOST."""
    return list(ScoreConfig.objects.open().filter(project_id=project_id).order_by(Lower("name")))


def page(project_id: int, *, archived: bool, before: int | None, limit: int) -> list[ScoreConfig]:
    """Up to `limit` configs, newest first, those with ids below `before`; archived ones too when asked."""
    found = ScoreConfig.objects.filter(project_id=project_id)
    if not archived:
        found = found.open()
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-id")[:limit])


def rules(project_id: int, names: Iterable[str]) -> dict[str, Rule]:
    """The rules for scores of these names, by name in lower case. One query."""
    wanted = {name.lower() for name in names}
    if not wanted:
        return {}
    found = ScoreConfig.objects.open().annotate(lowered=Lower("name")).filter(project_id=project_id, lowered__in=wanted)
    return {config.name.lower(): rule_of(config) for config in found}


def rule_of(config: ScoreConfig) -> Rule:
    """What a config asks of scores."""
    categories = tuple(Category(one["label"], one["value"]) for one in config.categories)
    return Rule(config.data_type, config.name, config.min_value, config.max_value, categories)
