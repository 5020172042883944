"""Addresses of approvals and feedback."""

from django.urls import URLPattern, URLResolver

app_name = "reviews"

page_patterns: list[URLPattern | URLResolver] = []

api_patterns: list[URLPattern | URLResolver] = []
