"""Ways out. They carry plain messages and know nothing of projects, rules or the database."""
