"""What a project's rules make of a request."""
