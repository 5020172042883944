"""Addresses of approvals and feedback."""

from django.urls import URLPattern, URLResolver, path

from reviews.api import (
    analytics,
    approvals,
    backtests,
    comparisons,
    datasets,
    deciding,
    evaluation,
    exports,
    feedback,
    feedback_examples,
    humanlayer,
    patterns,
    people,
    policies,
    precedents,
    quality,
    receipts,
)
from reviews.models import HumanLayerCall
from reviews.views import analytics as analytics_page
from reviews.views import backtests as backtests_page
from reviews.views import bulk, decide, feedback_example, hold, one_click, outcome, pins, policy_draft, queue, rates
from reviews.views import compare as compare_page
from reviews.views import datasets as datasets_page
from reviews.views import evaluation as evaluation_page
from reviews.views import feedback as feedback_page
from reviews.views import patterns as patterns_page
from reviews.views import policies as policies_page
from reviews.views import quality as quality_page
from reviews.views import rereview as rereview_page
from reviews.views import seeds as seeds_page

app_name = "reviews"

page_patterns: list[URLPattern | URLResolver] = [
    path("queue/", queue.queue, name="queue"),
    path("queue/list/", queue.queue_list, name="queue-list"),
    path("queue/together/", bulk.together, name="together"),
    path("queue/together/undo/", bulk.undo_together, name="together-undo"),
    path("queue/tile/", queue.tile, name="tile"),
    path("queue/pins/", pins.trace_pins, name="trace-pins"),
    path("queue/rates/", rates.agent_rates, name="agent-rates"),
    path("queue/of-trace/", queue.trace_approvals, name="trace-approvals"),
    path("queue/<uuid:approval_id>/", queue.approval, name="approval"),
    path("queue/<uuid:approval_id>/item/", queue.approval_item, name="approval-item"),
    path("queue/<uuid:approval_id>/looking/", queue.approval_looking, name="looking"),
    path("queue/<uuid:approval_id>/decision/", decide.decision, name="decision"),
    path("queue/<uuid:approval_id>/rest/", decide.rest, name="rest"),
    path("queue/<uuid:approval_id>/changes/", decide.changes, name="changes"),
    path("queue/<uuid:approval_id>/decide/<str:verdict>/", one_click.one_click, name="one-click"),
    path("agents/<name:name>/evaluation/", evaluation_page.page, name="evaluation"),
    path("compare/", compare_page.page, name="compare"),
    path("settings/evaluation/", evaluation_page.standard, name="evaluation-standard"),
    path("analytics/", analytics_page.page, name="analytics"),
    path("queue/<uuid:approval_id>/claim/", hold.claim_request, name="claim"),
    path("queue/<uuid:approval_id>/renew/", hold.renew_claim, name="renew"),
    path("queue/<uuid:approval_id>/release/", hold.release_request, name="release"),
    path("queue/<uuid:approval_id>/assign/", hold.assign_request, name="assign"),
    path("queue/<uuid:approval_id>/question/", hold.ask_agent, name="question"),
    path("queue/<uuid:approval_id>/message/", hold.write_message, name="message"),
    path("queue/<uuid:approval_id>/outcome/", outcome.outcome, name="outcome"),
    path("queue/<uuid:approval_id>/withdraw/", hold.withdraw_decision, name="withdraw"),
    path("feedback/", feedback_page.feedback, name="feedback"),
    path("feedback/labels/", feedback_example.labels, name="labels"),
    path("feedback/<uuid:approval_id>/<int:index>/", feedback_example.example, name="example"),
    path("feedback/datasets/", datasets_page.datasets, name="datasets"),
    path("feedback/datasets/new/", datasets_page.new, name="dataset-new"),
    path("feedback/datasets/<int:dataset>/", datasets_page.dataset, name="dataset"),
    path("feedback/datasets/<int:dataset>/freeze/", datasets_page.freeze, name="dataset-freeze"),
    path("feedback/datasets/<int:dataset>/versions/<int:number>/", datasets_page.version, name="dataset-version"),
    path(
        "feedback/datasets/<int:dataset>/versions/<int:number>/exports/", datasets_page.export, name="dataset-exports"
    ),
    path("feedback/quality/", quality_page.quality, name="quality"),
    path("feedback/quality/settings/", quality_page.settings, name="quality-settings"),
    path("feedback/quality/review/", rereview_page.rereviews, name="rereviews"),
    path("feedback/quality/review/<uuid:rereview_id>/", rereview_page.rereview, name="rereview"),
    path("feedback/quality/seeds/", seeds_page.seeds, name="seeds"),
    path("feedback/quality/seeds/new/<uuid:approval_id>/<int:index>/", seeds_page.new, name="seed-new"),
    path("feedback/quality/seeds/<uuid:rereview_id>/retire/", seeds_page.retire, name="seed-retire"),
    path("policies/", policies_page.rules, name="policies"),
    path("policies/bench/", policies_page.bench, name="policy-bench"),
    path("policies/draft/", policy_draft.draft, name="policy-draft"),
    path("policies/draft/risk/", policy_draft.risk, name="policy-risk"),
    path("policies/draft/rules/<int:place>/", policy_draft.rule, name="policy-rule"),
    path("policies/backtests/", backtests_page.backtests, name="backtests"),
    path("policies/backtests/<uuid:backtest_id>/", backtests_page.backtest, name="backtest"),
    path("policies/backtests/<uuid:backtest_id>/cancel/", backtests_page.cancel, name="backtest-cancel"),
    path("policies/suggestions/", patterns_page.patterns, name="patterns"),
    path("policies/suggestions/<uuid:pattern_id>/", patterns_page.answer, name="pattern"),
    path("policies/history/", policies_page.history, name="policy-history"),
    path("policies/history/<int:number>/", policies_page.version, name="policy-version"),
]

api_patterns: list[URLPattern | URLResolver] = [
    path("approvals", approvals.ApprovalsView.as_view(), name="approvals"),
    path("approvals/decisions", deciding.BulkDecisionsView.as_view(), name="bulk-decisions"),
    path("approvals/<str:approval_id>", approvals.ApprovalView.as_view(), name="approval"),
    path("approvals/<str:approval_id>/decisions", deciding.DecisionsView.as_view(), name="decisions"),
    path("approvals/<str:approval_id>/withdraw", deciding.WithdrawView.as_view(), name="withdraw"),
    path("approvals/<str:approval_id>/request-info", deciding.RequestInfoView.as_view(), name="request-info"),
    path("approvals/<str:approval_id>/cancel", approvals.CancelView.as_view(), name="cancel"),
    path("approvals/<str:approval_id>/messages", approvals.MessagesView.as_view(), name="messages"),
    path("approvals/<str:approval_id>/consume", receipts.ConsumeView.as_view(), name="consume"),
    path("approvals/<str:approval_id>/claim", people.ClaimView.as_view(), name="claim"),
    path("approvals/<str:approval_id>/release", people.ReleaseView.as_view(), name="release"),
    path("approvals/<str:approval_id>/assign", people.AssignView.as_view(), name="assign"),
    path("approvals/<str:approval_id>/precedents", precedents.PrecedentsView.as_view(), name="precedents"),
    path("approvals/<str:approval_id>/outcome", approvals.OutcomeView.as_view(), name="outcome"),
    path("agents/<name:name>/evaluation", evaluation.EvaluationView.as_view(), name="evaluation"),
    path("comparisons", comparisons.ComparisonView.as_view(), name="comparisons"),
    path("analytics", analytics.AnalyticsView.as_view(), name="analytics"),
    path("feedback", feedback.FeedbackView.as_view(), name="feedback"),
    path("feedback/labels", feedback_examples.LabelsView.as_view(), name="feedback-labels"),
    path("feedback/<str:example_id>", feedback_examples.ExampleView.as_view(), name="feedback-example"),
    path("feedback/<str:example_id>/corrections", feedback_examples.CorrectionsView.as_view(), name="corrections"),
    path("quality", quality.QualityView.as_view(), name="quality"),
    path("datasets", datasets.DatasetsView.as_view(), name="datasets"),
    path("datasets/<int:dataset>", datasets.DatasetView.as_view(), name="dataset"),
    path("datasets/<int:dataset>/versions", datasets.VersionsView.as_view(), name="dataset-versions"),
    path("datasets/<int:dataset>/versions/<int:number>", datasets.VersionView.as_view(), name="dataset-version"),
    path("exports", exports.ExportsView.as_view(), name="exports"),
    path("exports/<str:export_id>", exports.ExportView.as_view(), name="export"),
    path("exports/<str:export_id>/download", exports.DownloadView.as_view(), name="export-download"),
    path("policies", policies.PoliciesView.as_view(), name="policies"),
    path("policies/<int:number>", policies.PolicyView.as_view(), name="policy"),
    path("patterns", patterns.PatternsView.as_view(), name="patterns"),
    path("patterns/<uuid:pattern_id>/accept", patterns.PatternAcceptView.as_view(), name="pattern-accept"),
    path("patterns/<uuid:pattern_id>/dismiss", patterns.PatternDismissView.as_view(), name="pattern-dismiss"),
    path("policies/backtests", backtests.BacktestsView.as_view(), name="backtests"),
    path("policies/backtests/<uuid:backtest_id>", backtests.BacktestView.as_view(), name="backtest"),
    path(
        "policies/backtests/<uuid:backtest_id>/disagreements",
        backtests.BacktestCasesView.as_view(),
        name="backtest-cases",
    ),
    path(
        "policies/backtests/<uuid:backtest_id>/cancel",
        backtests.BacktestCancelView.as_view(),
        name="backtest-cancel",
    ),
    path("risk-assessments", policies.RiskAssessmentsView.as_view(), name="risk-assessments"),
]

CONTACT = HumanLayerCall.Kind.CONTACT_REQUEST
humanlayer_patterns: list[URLPattern | URLResolver] = [
    path("function_calls", humanlayer.CallsView.as_view()),
    path("function_calls/<str:call_id>", humanlayer.CallView.as_view()),
    path("agent/function_calls/<str:call_id>/respond", humanlayer.RespondView.as_view()),
    path("agent/function_calls/<str:call_id>/escalate_email", humanlayer.EscalateView.as_view()),
    path("contact_requests", humanlayer.CallsView.as_view(kind=CONTACT)),
    path("contact_requests/<str:call_id>", humanlayer.CallView.as_view(kind=CONTACT)),
    path("agent/human_contacts/<str:call_id>/respond", humanlayer.RespondView.as_view(kind=CONTACT)),
    path("agent/human_contacts/<str:call_id>/escalate_email", humanlayer.EscalateView.as_view(kind=CONTACT)),
]

well_known_patterns: list[URLPattern | URLResolver] = [path("jwks.json", receipts.jwks, name="jwks")]
