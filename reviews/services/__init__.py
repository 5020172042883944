"""Everything that changes a request: one function per verb."""
