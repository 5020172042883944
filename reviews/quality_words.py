"""What each figure of the report of quality means, in words: shown beside it, and in the API. Pure."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

DEFINITIONS: dict[str, Promise] = {
    "unanimous": _(
        "Actions on which everybody who judged said the same, of all that at least two people judged, with the 95%"
        " interval (Wilson). Where nearly everything is approved this is high by chance alone: see kappa and alpha."
    ),
    "kappa": _(
        "Fleiss' kappa: agreement beyond what chance would bring, given how often each verdict is given. 1 is full "
        "agreement, 0 is chance. Each action counts once, however many judged it. The 95% interval is of 2,000 "
        "resamples of whole actions; with fewer than 10 actions there is none."
    ),
    "alpha": _(
        "Krippendorff's alpha for verdicts: as kappa, but actions that more people judged weigh more, and chance is "
        "reckoned without putting ratings back, so that few ratings do not look better than they are."
    ),
    "pairs": _(
        "Cohen's kappa of two people on the actions that both judged, with the large-sample 95% interval of Fleiss, "
        "Cohen and Everitt."
    ),
    "seeds": _(
        "Right answers, of all seeds that the person answered in these weeks, with the 95% interval (Wilson). Half "
        "right is what two equally frequent answers bring by chance."
    ),
    "agreed": _(
        "Of the actions that the person judged and others judged without knowing that verdict: how often at least "
        "half of the others said the same."
    ),
    "drift": _(
        "How much further the person's share has moved from the earlier weeks to the latest four than that of "
        "everybody else, in percentage points. Flagged only when the interval leaves no room for no change; it is "
        "wider by as many people and figures as are compared here, so that chance flags nobody in 19 of 20 reports."
    ),
}
