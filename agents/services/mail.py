"""Letters with a link. Without a mail server the link is shown to whoever asked for it instead."""

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import translation

logger = logging.getLogger(__name__)


def can_send() -> bool:
    """Whether a mail server is set."""
    return bool(settings.EMAIL_HOST)


def send_link(*, to: str, template: str, link: str, **context: object) -> bool:
    """Sends `agents/email/<template>_{subject,body}.txt` with an absolute `link`; False when that failed.

    Waits for the mail server, at most EMAIL_TIMEOUT: who asked must know whether to hand the link over themselves.
    """
    with translation.override(settings.LANGUAGE_CODE):
        values = {**context, "link": link}
        subject = " ".join(render_to_string(f"agents/email/{template}_subject.txt", values).split())
        body = render_to_string(f"agents/email/{template}_body.txt", values)
    try:
        EmailMessage(f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{subject}", body, to=[to]).send()
    except (SMTPException, OSError):
        logger.exception("mail_not_sent", extra={"template": template})
        return False
    return True
