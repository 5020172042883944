"""Letters, through the console's own mail server."""

from collections.abc import Sequence
from datetime import datetime
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage

from agents.messages import Link, Message, digest
from agents.transports.base import DETAIL_CHARS, Report


class Email:
    """One letter to all of some addresses."""

    def __init__(self, addresses: Sequence[str], *, page: Link) -> None:
        self._addresses = list(addresses)
        self._page = page

    def send(self, messages: Sequence[Message], *, now: datetime) -> Report:
        message = digest(messages, page=self._page)
        subject = f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{message.title}"
        try:
            EmailMessage(subject, f"{message.text}\n", to=self._addresses).send()
        except (SMTPException, OSError) as error:
            return Report(False, detail=f"the mail server did not take it: {error}"[:DETAIL_CHARS])
        return Report(True)
