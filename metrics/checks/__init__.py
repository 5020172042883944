"""Checks of text by patterns that are data: signs of prompt injection and of invention, and personal data. Pure."""
