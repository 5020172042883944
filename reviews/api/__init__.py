"""Approvals and feedback over HTTP."""
