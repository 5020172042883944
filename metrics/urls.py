"""Addresses of telemetry: pages and query API."""

from django.urls import URLPattern, URLResolver

page_patterns: list[URLPattern | URLResolver] = []

api_patterns: list[URLPattern | URLResolver] = []
