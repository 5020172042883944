"""People for measurements of the review queue."""

from bench.product import Product

PEOPLE = """
    WITH people AS (
        INSERT INTO agents_user (email, name, password, is_active, is_staff, is_superuser, date_joined, time_zone,
                                 notify_in_app, notify_on_desktop, notify_by_email)
        SELECT 'reviewer' || number || '@example.org', 'Reviewer ' || number, '!', true, false, false, now(), 'UTC',
               true, true, false
          FROM generate_series(1, %s) AS number
        RETURNING id)
    INSERT INTO agents_membership (user_id, project_id, role, created_at)
    SELECT people.id, project.id, 'reviewer', now()
      FROM people, agents_project AS project
     WHERE project.slug = %s
"""


def reviewers(running: Product, count: int) -> None:
    """Adds so many reviewers to the product's project; nobody can sign in as one of them."""
    running.query(PEOPLE, count, running.project)
