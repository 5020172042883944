"""Addresses of people and projects: `page_patterns` live under /p/<project>/, `people_patterns` at the root."""

from django.urls import URLPattern, URLResolver

page_patterns: list[URLPattern | URLResolver] = []
people_patterns: list[URLPattern | URLResolver] = []
