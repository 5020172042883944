"""Filling annotation queues by their rules, off the hot path.

Each rule walks the project's traces (or scores) in their order from where it stood, in one transaction a round with the
place it has come to: nothing is looked at twice, and what was left off goes on with the next run. A trace is looked at
SETTLED after its start, so that its cost and errors are known; what comes later than that is not seen.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import connection, transaction

from metrics.annotating import ERRORS, EVERY_NTH, HIGH_COST, LOW_SCORE, SAMPLE, Target, filter_of, in_sample
from metrics.models import AnnotationRule, Score, Trace
from metrics.scoring import Refused
from metrics.selectors import traces
from metrics.selectors.trace_conditions import conditions
from metrics.selectors.trace_scan import Position
from metrics.services.annotation_queues import insert
from metrics.times import to_ns
from metrics.trace_filter import Order, TraceFilter

SETTLED = timedelta(minutes=5)
# Numbers of scores are given before they are seen by others: a transaction may take this long.
SCORES_SETTLED = timedelta(minutes=1)
ROUND_ROWS = 200
# Of one rule in one run: the others have their turn, too.
MOST_ROUNDS = 25
NANOS = 1_000_000_000
OLDEST_FIRST = Order(ascending=True)


def fill(*, now: datetime) -> int:
    """Runs the rules of all open queues and returns how many items are new. Safe to run twice at once."""
    open_rules = AnnotationRule.objects.filter(
        queue__archived_at__isnull=True, queue__project__archived_at__isnull=True
    )
    new = 0
    for rule_id in list(open_rules.order_by("pk").values_list("pk", flat=True)):
        for _round in range(MOST_ROUNDS):
            added, more = _round_of(rule_id, now)
            new += added
            if not more:
                break
    return new


@transaction.atomic
def _round_of(rule_id: int, now: datetime) -> tuple[int, bool]:
    """One round of a rule: how many items are new, and whether there is more to look at now."""
    rows = AnnotationRule.objects.select_for_update(skip_locked=True, of=("self",)).select_related("queue__project")
    rule = rows.filter(pk=rule_id).first()
    if rule is None:
        return 0, False
    try:
        chosen = filter_of(rule.query)
    except Refused:
        return 0, False  # a filter that a later version no longer knows: nothing is better than everything
    targets, more = _low_scores(rule, chosen, now) if rule.kind == LOW_SCORE else _traces(rule, chosen, now)
    new = insert(queue=rule.queue, targets=targets, rule=rule, added_by="", now=now)
    rule.added += new
    rule.save(update_fields=["seen_ns", "seen_trace", "seen_score", "matched", "added"])
    return new, more


def _traces(rule: AnnotationRule, chosen: TraceFilter, now: datetime) -> tuple[list[Target], bool]:
    horizon = to_ns(now - SETTLED)
    if horizon <= rule.seen_ns:
        return [], False
    narrowed = replace(_narrowed(rule, chosen), start_ns=rule.seen_ns, end_ns=horizon)
    seen = Position(rule.seen_ns, bytes(rule.seen_trace))
    page = traces.page(rule.queue.project_id, narrowed, order=OLDEST_FIRST, limit=ROUND_ROWS, after=seen)
    targets = []
    for trace in page.traces:
        rule.matched += 1
        if (reason := _picks(rule, trace)) is not None:
            targets.append(Target(bytes(trace.trace_id), None, reason))
    if page.after is not None:
        rule.seen_ns, rule.seen_trace = page.after.value, page.after.trace_id
    else:
        rule.seen_ns, rule.seen_trace = horizon, b""
    return targets, page.after is not None


def _narrowed(rule: AnnotationRule, chosen: TraceFilter) -> TraceFilter:
    """The filter with what the rule itself asks of a trace, so that an index answers it."""
    if rule.kind == HIGH_COST:
        return replace(chosen, min_cost_nanos=max(chosen.min_cost_nanos, round((rule.amount or 0) * NANOS)))
    if rule.kind == ERRORS:
        return replace(chosen, errors=True)
    return chosen


def _picks(rule: AnnotationRule, trace: Trace) -> str | None:
    """Why the rule takes this trace, None when it does not."""
    amount = rule.amount or 0
    if rule.kind == HIGH_COST:
        return f"cost ${trace.cost_nanos / NANOS:.4g}"
    if rule.kind == ERRORS:
        return f"{trace.error_count} errors" if trace.error_count > 1 else "1 error"
    if rule.kind == SAMPLE:
        return f"random {amount:g}%" if in_sample(rule.pk, bytes(trace.trace_id), amount) else None
    assert rule.kind == EVERY_NTH
    return f"every {amount:g}" if rule.matched % int(amount) == 0 else None


def _low_scores(rule: AnnotationRule, chosen: TraceFilter, now: datetime) -> tuple[list[Target], bool]:
    settled = Score.objects.filter(
        project_id=rule.queue.project_id,
        name=rule.score_name,
        pk__gt=rule.seen_score,
        created_at__lte=now - SCORES_SETTLED,
    )
    newest = settled.order_by("-pk").values_list("pk", flat=True).first()
    low = settled.filter(value__lte=rule.amount, trace_id__isnull=False, pk__lte=newest or 0)
    found = list(low.order_by("pk")[:ROUND_ROWS])
    wanted = _passing(rule.queue.project_id, {bytes(score.trace_id or b"") for score in found}, chosen)
    targets = {}
    for score in found:
        trace_id, span_id = bytes(score.trace_id or b""), bytes(score.span_id) if score.span_id else None
        if trace_id in wanted:
            rule.matched += 1
            targets[trace_id, span_id] = Target(trace_id, span_id, f"{score.name} {score.value:g}")
    more = len(found) == ROUND_ROWS
    rule.seen_score = found[-1].pk if more else newest or rule.seen_score
    return list(targets.values()), more


def _passing(project_id: int, trace_ids: set[bytes], chosen: TraceFilter) -> set[bytes]:
    """Those of some traces that the filter lets through. A filter lets only through what has arrived."""
    if not trace_ids or not chosen.narrows:
        return trace_ids
    asked = conditions(project_id, chosen)
    where = " AND ".join(["project_id = %s", "trace_id = ANY(%s)", *(one.sql for one in asked)])
    values = [project_id, sorted(trace_ids), *(value for one in asked for value in one.parameters)]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT trace_id FROM metrics_trace WHERE {where}", values)  # noqa: S608  # our own conditions
        return {bytes(row[0]) for row in cursor.fetchall()}
