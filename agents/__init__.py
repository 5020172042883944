"""Who and where: projects, people, roles, keys, audit and notifications."""
