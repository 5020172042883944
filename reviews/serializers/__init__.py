"""How approvals and feedback look on the wire (ARCHITECTURE.md, section 10)."""
