"""Addresses of approvals and feedback."""

from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from reviews.api import approvals, feedback

app_name = "reviews"

page_patterns: list[URLPattern | URLResolver] = [
    # Until the page is there: requests carry its address from the first one on.
    path("queue/<uuid:approval_id>/", RedirectView.as_view(url="/"), name="approval"),
]

api_patterns: list[URLPattern | URLResolver] = [
    path("approvals", approvals.ApprovalsView.as_view(), name="approvals"),
    path("approvals/<str:approval_id>", approvals.ApprovalView.as_view(), name="approval"),
    path("approvals/<str:approval_id>/decisions", approvals.DecisionsView.as_view(), name="decisions"),
    path("approvals/<str:approval_id>/cancel", approvals.CancelView.as_view(), name="cancel"),
    path("approvals/<str:approval_id>/messages", approvals.MessagesView.as_view(), name="messages"),
    path("approvals/<str:approval_id>/outcome", approvals.OutcomeView.as_view(), name="outcome"),
    path("feedback", feedback.FeedbackView.as_view(), name="feedback"),
]
