"""What a score config asks of the scores of its name. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from metrics.scoring import DATA_TYPES, LABEL_CHARS, NAME_CHARS, Draft, Refused, number, required, words

NUMERIC, CATEGORICAL, BOOLEAN, TEXT = DATA_TYPES
DESCRIPTION_CHARS = 1_000
MOST_CATEGORIES = 50
ZERO_TO_ONE = (0.0, 1.0)
WIDEST_SCALE = 1e100
"""Sums of values of a wider one may be too large for a float."""
BOOLEAN_LABELS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


@dataclass(frozen=True, slots=True)
class Category:
    """One label of a categorical score, and what it counts as in averages, if it counts."""

    label: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """The form of a score. Bounds are inclusive; a categorical rule without categories takes any label."""

    data_type: str
    name: str = ""
    min_value: float | None = None
    max_value: float | None = None
    categories: tuple[Category, ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    """What somebody asks a config to be, cleaned."""

    name: str
    data_type: str
    min_value: float | None = None
    max_value: float | None = None
    categories: tuple[Category, ...] = ()
    description: str = ""


def fitted(draft: Draft, rule: Rule | None) -> Draft:
    """The draft as the rule has it stored: the rule's type and spelling of the name, labels and values mapped.

    Without a rule the type that the sender states is held to, if any. Raises Refused naming the field.
    """
    if rule is None:
        if not draft.data_type:
            return draft
        rule = Rule(draft.data_type, draft.name)
    elif draft.data_type and draft.data_type != rule.data_type:
        raise Refused("data_type", f"{rule.name} is {rule.data_type} in this project")
    draft = replace(draft, data_type=rule.data_type, name=rule.name)
    return _FITTED[rule.data_type](draft, rule)


def _numeric(draft: Draft, rule: Rule) -> Draft:
    if draft.value is None:
        raise Refused("value", f"{rule.name} needs a number")
    if rule.min_value is not None and draft.value < rule.min_value:
        raise Refused("value", f"{rule.name} is at least {rule.min_value:g}")
    if rule.max_value is not None and draft.value > rule.max_value:
        raise Refused("value", f"{rule.name} is at most {rule.max_value:g}")
    return draft


def _boolean(draft: Draft, rule: Rule) -> Draft:
    value = draft.value
    if draft.label:
        meant = BOOLEAN_LABELS.get(draft.label.lower())
        if meant is None or value not in {None, meant}:
            raise Refused("label", f"{rule.name} is true or false")
        value = meant
    if value not in {0.0, 1.0}:
        raise Refused("value", f"{rule.name} is 1 or 0, true or false")
    return replace(draft, value=value, label="")


def _text(draft: Draft, rule: Rule) -> Draft:
    if draft.value is not None:
        raise Refused("value", f"{rule.name} is text: give a label")
    if not draft.label:
        raise Refused("label", f"{rule.name} needs text")
    return draft


def _categorical(draft: Draft, rule: Rule) -> Draft:
    if not rule.categories:
        if not draft.label:
            raise Refused("label", f"{rule.name} needs a label")
        return draft
    labels = ", ".join(category.label for category in rule.categories)
    if draft.label:
        found = next((one for one in rule.categories if one.label.lower() == draft.label.lower()), None)
        if found is None:
            raise Refused("label", f"{rule.name} is one of {labels}")
        if draft.value is not None and draft.value != found.value:
            raise Refused("value", f"{found.label} does not count as {draft.value:g}")
    else:
        counted = [one for one in rule.categories if one.value is not None and one.value == draft.value]
        if not counted:
            raise Refused("value", f"{rule.name} is one of {labels}")
        found = counted[0]
    return replace(draft, label=found.label, value=found.value)


def scale(rule: Rule | None, data_type: str) -> tuple[float, float] | None:
    """The values that stand for all wrong and all right in scores of a name and type; None where they do not say it.

    The range of a numeric rule; else 0 and 1, of categories only where the rule gives them values within these.
    """
    if rule is None or BOOLEAN in {data_type, rule.data_type}:
        return ZERO_TO_ONE
    if rule.data_type == CATEGORICAL == data_type:
        worths = [one.value for one in rule.categories if one.value is not None]
        return ZERO_TO_ONE if worths and all(0 <= worth <= 1 for worth in worths) else None
    if rule.data_type != NUMERIC or data_type == CATEGORICAL:
        return None
    if rule.min_value is None or rule.max_value is None:
        return ZERO_TO_ONE
    return (rule.min_value, rule.max_value) if 0 < rule.max_value - rule.min_value <= WIDEST_SCALE else None


_FITTED = {NUMERIC: _numeric, CATEGORICAL: _categorical, BOOLEAN: _boolean, TEXT: _text}


def spec_of(document: Mapping[str, Any]) -> Spec:
    """A config from an object of the API. Raises Refused for the first field that is wrong."""
    data_type = required(document, "data_type", 40)
    if data_type not in DATA_TYPES:
        raise Refused("data_type", f"must be one of {', '.join(DATA_TYPES)}")
    least, most = number(document, "min_value"), number(document, "max_value")
    if data_type != NUMERIC:
        for name, bound in (("min_value", least), ("max_value", most)):
            if bound is not None:
                raise Refused(name, "only numbers have bounds")
    elif least is not None and most is not None and least > most:
        raise Refused("min_value", "must not be larger than max_value")
    categories = categories_of(document.get("categories") or ())
    if data_type == CATEGORICAL and not categories:
        raise Refused("categories", "at least one is needed")
    if data_type != CATEGORICAL and categories:
        raise Refused("categories", "only categorical scores have categories")
    return Spec(
        name=required(document, "name", NAME_CHARS),
        data_type=data_type,
        min_value=least,
        max_value=most,
        categories=categories,
        description=words(document, "description", DESCRIPTION_CHARS),
    )


def categories_of(given: Any) -> tuple[Category, ...]:
    """Categories from a list of labels, or of objects of `label` and `value`. Raises Refused."""
    if not isinstance(given, list | tuple):
        raise Refused("categories", "must be a list")
    if len(given) > MOST_CATEGORIES:
        raise Refused("categories", f"at most {MOST_CATEGORIES}")
    found = tuple(_category(one, place) for place, one in enumerate(given))
    _once((one.label.lower() for one in found), "two have the same label")
    _once((one.value for one in found if one.value is not None), "two count as the same value")
    return found


def _category(given: Any, place: int) -> Category:
    document = {"label": given} if isinstance(given, str) else given
    if not isinstance(document, Mapping):
        raise Refused(f"categories[{place}]", "must be a label, or an object of a label and a value")
    try:
        return Category(required(document, "label", LABEL_CHARS), number(document, "value"))
    except Refused as refusal:
        raise Refused(f"categories[{place}].{refusal.field}", refusal.message) from None


def _once(keys: Iterable[Any], message: str) -> None:
    listed = list(keys)
    if len(set(listed)) < len(listed):
        raise Refused("categories", message)
