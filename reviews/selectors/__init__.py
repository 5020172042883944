"""Reads across rows, for pages and the API."""
