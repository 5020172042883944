"""A small fleet of sample agents: scripted work, a pretended model, and real approvals that decide what they do."""
