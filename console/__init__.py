"""The composition root. Importing it makes the Celery app the default one for every task."""

from console.celery import app as celery_app

__all__ = ["celery_app"]
