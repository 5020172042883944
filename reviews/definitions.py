"""What each figure of the analytics page means, in words: shown beside it, and in the API's description. Pure."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

DEFINITIONS: dict[str, Promise] = {
    "arrivals": _("Requests that agents made in this time."),
    "waiting": _("Requests that arrived and have not closed: decided, expired or cancelled. The present number."),
    "wait": _(
        "From the request to the verdict, of requests that people decided in this time. Half waited no longer "
        "than p50, 95 of 100 no longer than p95. Exact to 2%."
    ),
    "sla": _(
        "Requests that people decided before the deadline, of all that people decided or whose deadline came "
        "first. Cancelled requests do not count. In brackets the 95% interval (Wilson)."
    ),
    "approval": _(
        "Approved as proposed or with changes, of all that people decided. In brackets the 95% interval (Wilson):"
        " with few decisions it is wide. A high share does not say that requests are good, nor that reviewers are"
        " careless."
    ),
    "edits": _("Approved with changed arguments, of all that people decided."),
    "overrides": _(
        "Decided otherwise than the agent suggested, of the decisions for which it had suggested a verdict. An "
        "approval with changes counts as otherwise unless that was suggested."
    ),
    "handling": _(
        "What a decision can have cost its reviewer at most: from the request, or from the same person's decision"
        " before if that was later, to the verdict. Longer than 30 minutes counts as away, and decisions given "
        "together are left out: neither tells how long somebody looked."
    ),
    "little": _(
        "Little's law: the mean number waiting (L) is the rate of arrivals (λ) times the mean time in the queue "
        "(W). L is measured by adding up everybody's time in the queue; λ counts arrivals; W is the mean over all"
        " requests that closed in this time. The two sides are the same in the long run. A measured L well above "
        "λ × W means that the queue grows: requests stay that W does not know yet."
    ),
    "staffing": _(
        "Erlang C: how many people have to be at work at the same time, and do nothing else, so that the chosen "
        "share of requests waits no longer than the target until somebody begins. It takes the rate of arrivals, "
        "the mean time of a decision, and arrivals that do not depend on each other; where they come in bursts "
        "more people are needed."
    ),
    "clear": _(
        "The number waiting, divided by how many more closed than arrived per hour in this time. When no more "
        "close than arrive, the queue is never cleared at this pace. The second figure supposes that nothing more"
        " arrives."
    ),
    "hasty": _(
        "Approvals of long arguments (500 characters or more) that were given faster than anybody reads: 50 "
        "characters a second, about 600 words a minute. Of the decisions on long arguments whose time is known."
    ),
    "times": _(
        "Half of the decisions took no longer, on short arguments and on long ones (500 characters or more). "
        "Whoever reads takes longer for long ones; it is a sign when even the upper end of the median's 95% "
        "interval for long ones is less than a quarter above the median for short ones."
    ),
    "streak": _(
        "The latest approvals in a row, without a change and with nothing else between them; looked for in the "
        "latest 200 decisions. It is a sign when such a row would come about less than once in a hundred by the "
        "project's own share of approvals."
    ),
    "signs": _(
        "Signs that verdicts may be given without looking. A sign is a reason to ask, not a proof: easy requests "
        "are decided fast and alike by careful people too."
    ),
}
"""By the figure's name. The numbers in the words are those of `reviews.flow` and `reviews.selectors.analytics`."""
