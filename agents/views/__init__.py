"""Pages of people and projects, one file per subject."""
