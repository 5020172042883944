from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "agents"
    verbose_name = "People and projects"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from agents.api import openapi  # noqa: F401  # registers the description of our credentials
