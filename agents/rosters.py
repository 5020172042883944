"""Who can be asked in a project at a moment: who may decide, who is in which team, who is away and who stands in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, FilteredRelation, Q

from agents.models import Membership, Team, User
from agents.permissions import Permission
from console.lib.remembered import Remembered


@dataclass(frozen=True)
class Roster:
    """The people of a project, as far as requests are put before them."""

    deciders: Mapping[int, User]
    """Everybody who may decide, by id."""
    teams: Mapping[int, Team]
    members: Mapping[int, frozenset[int]]
    """The ids of the people of each team; some of them may have lost the right to decide."""
    stand_ins: Mapping[int, int | None]
    """Of those who may decide: who is away, and who gets what would be theirs."""

    def team(self, name: str) -> Team | None:
        """The team of that slug, else the one of that name."""
        found = (team for team in self.teams.values() if team.slug == name)
        named = (team for team in self.teams.values() if team.name.lower() == name.lower())
        return next(found, None) or next(named, None)

    def person(self, email: str) -> User | None:
        """Somebody who may decide, by address."""
        return next((user for user in self.deciders.values() if user.email == email.lower()), None)

    def there(self, user_id: int) -> User | None:
        """This person, or whoever stands in while they are away; None when nobody does who may decide."""
        seen: set[int] = set()
        at: int | None = user_id
        while at is not None and at not in seen:
            if at not in self.stand_ins:
                return self.deciders.get(at)
            seen.add(at)
            at = self.stand_ins[at]
        return None

    def able(self, without: Collection[int]) -> list[User]:
        """Everybody who may decide but for some people, by id; also those who are away."""
        return [user for key, user in self.deciders.items() if key not in without]

    def asked(
        self, *, person_id: int | None, team_id: int | None, without: Collection[int] = frozenset()
    ) -> list[User]:
        """Whom a request is for: the person, else the team, else everybody who may decide.

        `without` are the ids of those who cannot decide on it, or have already: they are never asked. Those who are
        away are left out or stood in for. Where that leaves nobody the circle widens, so that no request waits unseen;
        nobody is left only where nobody at all can decide.
        """
        circles: list[Iterable[int]] = [self.members.get(team_id or 0, ()), self.deciders]
        if person_id is not None:
            circles.insert(0, [person_id])
        for circle in circles:
            there = {user.pk: user for key in sorted(circle) if (user := self.there(key)) is not None}
            people = [user for key, user in there.items() if key not in without]
            if people:
                return people
        return self.able(without)

    def stood_in_for(self, user_id: int) -> frozenset[int]:
        """Who is away so that this person gets what would be theirs."""
        return frozenset(
            key for key in self.stand_ins if key != user_id and (one := self.there(key)) and one.pk == user_id
        )


_known: Remembered[int, Roster] = Remembered("rosters", life_seconds=1.0)


def changed() -> None:
    """Makes every process forget who can be asked, once the caller's transaction has committed."""
    _known.changed()


def recent_roster_of(project_id: int, *, now: datetime) -> Roster:
    """The roster as it was within the last second, in which nobody in the project came, went or changed teams."""
    return _known.get(project_id, lambda: roster_of(project_id, now=now))


def roster_of(project_id: int, *, now: datetime, with_teams: bool = True) -> Roster:
    """The roster of a project in two queries, or one without its teams."""
    there_then = Q(user__absences__starts_at__lte=now, user__absences__ends_at__gt=now)
    deciding = (
        Membership.objects.filter(project_id=project_id)
        .with_permission(Permission.APPROVAL_DECIDE)
        .select_related("user")
        .annotate(absence=FilteredRelation("user__absences", condition=there_then))
        .annotate(away_id=F("absence__id"), stand_in=F("absence__delegate_id"))
    )
    teams: dict[int, Team] = {}
    members: dict[int, set[int]] = {}
    if with_teams:
        in_teams = Team.objects.open().filter(project_id=project_id)
        for team in in_teams.annotate(person=F("team_members__membership__user_id")):
            teams[team.pk] = team
            members.setdefault(team.pk, set()).update({vars(team)["person"]} - {None})
    return Roster(
        deciders={row.user_id: row.user for row in deciding},
        teams=teams,
        members={team_id: frozenset(people) for team_id, people in members.items()},
        stand_ins={row.user_id: vars(row)["stand_in"] for row in deciding if vars(row)["away_id"]},
    )
