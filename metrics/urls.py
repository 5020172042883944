"""Addresses of telemetry: pages and query API."""

from django.urls import URLPattern, URLResolver, path, register_converter

from metrics.api.agents import AgentListView, AgentView
from metrics.api.annotation import AnnotationItemsView, AnnotationQueuesView
from metrics.api.budgets import BudgetsView, CheckView, OneBudgetView
from metrics.api.checks import ChecksTryView, ChecksView
from metrics.api.ingest import EventsView
from metrics.api.langfuse import (
    LangfuseIngestionView,
    LangfuseProjectsView,
    LangfuseScorePagesView,
    LangfuseScoreReadView,
    LangfuseScoresByCursorView,
    LangfuseScoresView,
    LangfuseScoreView,
)
from metrics.api.logs import LogListView
from metrics.api.masking import MaskingView
from metrics.api.points import MetricListView, PointsView
from metrics.api.query import SeriesView, TraceListView, TraceView
from metrics.api.score_configs import ScoreConfigsView, ScoreConfigView
from metrics.api.scores import ScoresView, ScoreView
from metrics.api.sessions import SessionListView, SessionView
from metrics.converters import NameConverter
from metrics.views import (
    agents,
    annotating,
    annotation,
    budgets,
    checks,
    costs,
    logs,
    masking,
    metrics,
    overview,
    saved_views,
    score_configs,
    scores,
    sessions,
    trace,
    traces,
)

register_converter(NameConverter, "name")

page_patterns: list[URLPattern | URLResolver] = [
    path("", overview.page, name="overview"),
    path("agents/", agents.listing, name="agents"),
    path("agents/<name:name>/", agents.page, name="agent"),
    path("costs/budgets/", budgets.listing, name="budgets"),
    path("costs/budgets/new/", budgets.new, name="budget-new"),
    path("costs/budgets/<int:budget>/", budgets.one, name="budget"),
    path("costs/budgets/<int:budget>/archive/", budgets.archive, name="budget-archive"),
    path("annotation/", annotation.listing, name="annotation"),
    path("annotation/new/", annotation.new, name="annotation-new"),
    path("annotation/scores/", score_configs.listing, name="score-configs"),
    path("annotation/scores/new/", score_configs.new, name="score-config-new"),
    path("annotation/scores/<int:config_id>/", score_configs.change, name="score-config"),
    path("annotation/<int:queue_id>/", annotation.queue, name="annotation-queue"),
    path("annotation/<int:queue_id>/settings/", annotation.settings, name="annotation-settings"),
    path("annotation/<int:queue_id>/archive/", annotation.archive, name="annotation-archive"),
    path("annotation/<int:queue_id>/rules/", annotation.add_rule, name="annotation-rules"),
    path("annotation/<int:queue_id>/rules/<int:rule_id>/remove/", annotation.remove_rule, name="annotation-unrule"),
    path("annotation/<int:queue_id>/next/", annotating.take_next, name="annotation-next"),
    path("annotation/<int:queue_id>/items/<int:item_id>/", annotating.item, name="annotation-item"),
    path("annotation/<int:queue_id>/items/<int:item_id>/assign/", annotating.assign, name="annotation-assign"),
    *(
        path(
            f"annotation/<int:queue_id>/items/<int:item_id>/{verb}/",
            annotating.act,
            {"verb": verb},
            name=f"annotation-{verb}",
        )
        for verb in annotating.VERBS
    ),
    path("traces/<str:trace_id>/annotate/", annotation.add, name="annotation-add"),
    path("checks/", checks.page, name="checks"),
    path("checks/try/", checks.sample, name="checks-try"),
    path("checks/<str:pattern>/switch/", checks.switch, name="check-switch"),
    path("costs/", costs.page, name="costs"),
    path("costs/table/", costs.table, name="costs-table"),
    path("logs/", logs.listing, name="logs"),
    path("logs/<int:time_ns>/<str:log_id>/", logs.record, name="log"),
    path("metrics/", metrics.explorer, name="metrics"),
    path("settings/masking/", masking.page, name="masking"),
    path("settings/masking/try/", masking.sample, name="masking-sample"),
    path("sessions/", sessions.listing, name="sessions"),
    path("sessions/<name:session_id>/", sessions.page, name="session"),
    path("traces/", traces.listing, name="traces"),
    path("traces/newer/", traces.newer, name="traces-newer"),
    path("traces/live/", traces.live, name="traces-live"),
    path("views/", saved_views.save, name="view-save"),
    path("views/<int:view>/rename/", saved_views.rename, name="view-rename"),
    path("views/<int:view>/share/", saved_views.share, name="view-share"),
    path("views/<int:view>/delete/", saved_views.delete, name="view-delete"),
    path("traces/<str:trace_id>/", trace.page, name="trace"),
    path("traces/<str:trace_id>/mini/", trace.mini, name="trace-mini"),
    path("traces/<str:trace_id>/spans/<str:span_id>/", trace.span, name="span"),
    path("traces/<str:trace_id>/scores/", scores.of_trace, name="trace-scores"),
    path("traces/<str:trace_id>/scores/<int:score_id>/", scores.change, name="trace-score"),
    path("traces/<str:trace_id>/scores/<int:score_id>/remove/", scores.remove, name="trace-score-remove"),
]

api_patterns: list[URLPattern | URLResolver] = [
    path("agents", AgentListView.as_view(), name="agents"),
    path("agents/<name:name>", AgentView.as_view(), name="agent"),
    path("annotation-queues", AnnotationQueuesView.as_view(), name="annotation-queues"),
    path("annotation-queues/<int:queue_id>/items", AnnotationItemsView.as_view(), name="annotation-items"),
    path("budgets", BudgetsView.as_view(), name="budgets"),
    path("budgets/check", CheckView.as_view(), name="budgets-check"),
    path("budgets/<int:budget_id>", OneBudgetView.as_view(), name="budget"),
    path("checks", ChecksView.as_view(), name="checks"),
    path("checks/try", ChecksTryView.as_view(), name="checks-try"),
    path("events", EventsView.as_view(), name="events"),
    path("logs", LogListView.as_view(), name="logs"),
    path("metrics", MetricListView.as_view(), name="metrics"),
    path("points", PointsView.as_view(), name="points"),
    path("masking", MaskingView.as_view(), name="masking"),
    path("score-configs", ScoreConfigsView.as_view(), name="score-configs"),
    path("score-configs/<int:config_id>", ScoreConfigView.as_view(), name="score-config"),
    path("scores", ScoresView.as_view(), name="scores"),
    path("scores/<int:score_id>", ScoreView.as_view(), name="score"),
    path("series", SeriesView.as_view(), name="series"),
    path("sessions", SessionListView.as_view(), name="sessions"),
    path("sessions/<name:session_id>", SessionView.as_view(), name="session"),
    path("traces", TraceListView.as_view(), name="traces"),
    path("traces/<str:trace_id>", TraceView.as_view(), name="trace"),
]

# Below /api/public/, where Langfuse's SDKs look for it.
public_patterns: list[URLPattern | URLResolver] = [
    path("ingestion", LangfuseIngestionView.as_view(), name="langfuse-ingestion"),
    path("projects", LangfuseProjectsView.as_view(), name="langfuse-projects"),
    path("scores", LangfuseScoresView.as_view(), name="langfuse-scores"),
    path("scores/<str:score_id>", LangfuseScoreView.as_view(), name="langfuse-score"),
    path("v2/scores", LangfuseScorePagesView.as_view(), name="langfuse-scores-v2"),
    path("v2/scores/<str:score_id>", LangfuseScoreReadView.as_view(), name="langfuse-score-v2"),
    path("v3/scores", LangfuseScoresByCursorView.as_view(), name="langfuse-scores-v3"),
]
