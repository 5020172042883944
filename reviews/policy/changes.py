"""What differs between two versions of a policy. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reviews.policy.schema import Policy, dump

ORDER = "order"


@dataclass(frozen=True)
class PolicyChange:
    """One difference. `sort` is rule, factor or levels; `before` is empty for what is new, `after` for what is gone."""

    sort: str
    name: str
    field: str
    before: str
    after: str


def differences(before: Policy, after: Policy) -> list[PolicyChange]:
    """All differences: rules by their names and then their order, factors by their places, levels."""
    old, new = dump(before), dump(after)
    return [
        *_of_rules(old["rules"], new["rules"]),
        *_of_factors(old["factors"], new["factors"]),
        *_fields("levels", "levels", old["levels"], new["levels"]),
    ]


def _of_rules(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> Iterator[PolicyChange]:
    by_name = {rule["name"]: rule for rule in old}
    names = {rule["name"] for rule in new}
    for rule in new:
        if rule["name"] in by_name:
            yield from _fields("rule", rule["name"], by_name[rule["name"]], rule)
        else:
            yield PolicyChange("rule", rule["name"], "", "", _whole(rule))
    for rule in old:
        if rule["name"] not in names:
            yield PolicyChange("rule", rule["name"], "", _whole(rule), "")
    kept_before = [rule["name"] for rule in old if rule["name"] in names]
    kept_after = [rule["name"] for rule in new if rule["name"] in by_name]
    if kept_before != kept_after:
        yield PolicyChange("rule", "", ORDER, " → ".join(kept_before), " → ".join(kept_after))


def _of_factors(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> Iterator[PolicyChange]:
    for place in range(max(len(old), len(new))):
        before = old[place] if place < len(old) else {}
        after = new[place] if place < len(new) else {}
        yield from _fields("factor", after.get("name") or before["name"], before, after)


def _fields(sort: str, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[PolicyChange]:
    old, new = dict(_flat(before)), dict(_flat(after))
    for field in dict.fromkeys([*old, *new]):
        if old.get(field, "") != new.get(field, ""):
            yield PolicyChange(sort, name, field, old.get(field, ""), new.get(field, ""))


def _whole(rule: Mapping[str, Any]) -> str:
    """All of a rule but its name, a line for each field."""
    return "\n".join(f"{field}: {value}" for field, value in _flat(rule) if field != "name")


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every value under its path, in words."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            for place, entry in enumerate(value):
                yield from _flat(entry, f"{prefix}{name}[{place + 1}].")
        else:
            yield (
                f"{prefix}{name}",
                {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value),
            )
