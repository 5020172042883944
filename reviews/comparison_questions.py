"""What an address asks to compare: two sides, each with its own filters and, if it wants, its own time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

from metrics.parameters import text
from metrics.ranges import ParameterError, check_order, parse_time
from reviews.selectors.comparison import FIELDS, Chosen

SIDES = ("a", "b")
PARAMETERS = tuple(f"{side}_{name}" for side in SIDES for name in (*FIELDS, "from", "to"))


def chosen(parameters: Mapping[str, str], side: str, *, start: datetime, end: datetime, tz: tzinfo) -> Chosen:
    """One side: `a_agent`, `a_version`, ... `a_from`, `a_to`; without times of its own those given. Raises
    ParameterError naming what cannot be used."""
    bounds = {"from": start, "to": end}
    for name in bounds:
        parameter = f"{side}_{name}"
        if parameters.get(parameter):
            bounds[name] = parse_time(parameters[parameter], parameter=parameter, tz=tz)
    try:
        check_order(bounds["from"], bounds["to"])
    except ParameterError as error:
        raise ParameterError(f"{side}_from", error.message) from error
    fields = {name: text(parameters, (f"{side}_{name}",)) for name in FIELDS}
    return Chosen(start=bounds["from"], end=bounds["to"], **fields)
