"""Personal tokens: a person's own key to the API, never above their role."""

from django.conf import settings
from django.db import models

from agents.models.credential import Credential

PREFIX = "hrp_"


class PersonalToken(Credential):
    """Acts as its owner: `hrp_` and 32 random bytes, stored as SHA-256."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
