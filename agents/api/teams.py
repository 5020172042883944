"""/api/v1/teams: whom requests are routed to."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents import selectors
from agents.api.base import ApiView
from agents.models import Membership, Team
from agents.permissions import Permission, Scope
from agents.services import teams as services
from console.lib import clock
from console.lib.http import Problem, invalid, not_valid

Json = dict[str, Any]
NAME_CHARS = 100
EXAMPLE = OpenApiExample("Two people of a team", value={"name": "Finance", "members": ["ana@example.com"]})


class TeamsView(ApiView):
    """The project's teams."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.APPROVALS_REQUEST}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.APPROVAL_VIEW, "POST": Permission.MEMBER_MANAGE}

    @extend_schema(operation_id="teams_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Every team; a key sees their names, a member who is in them."""
        people = self.caller.user is not None
        found = [_wire(team, with_members=people) for team in selectors.teams_of(self.project)]
        return Response({"results": found, "next": None})

    @extend_schema(
        operation_id="teams_create",
        request=OpenApiTypes.OBJECT,
        responses={201: OpenApiTypes.OBJECT},
        examples=[EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        """Makes a team; its slug is made from its name and never changes."""
        name, members = _fields(request.data)
        keys = self.memberships(members or [])
        try:
            team = services.create(project=self.project, name=name, by=self.caller, now=clock.now())
            team = services.change(team=team, name=name, members=keys, by=self.caller, now=clock.now())
        except ValidationError as error:
            raise not_valid(error) from None
        return Response(_wire(self.find(team.slug)), status=201)

    def find(self, slug: str) -> Team:
        """The team of that slug; 404 when there is none."""
        found = selectors.teams_of(self.project).filter(slug=slug).first()
        if found is None:
            raise Problem(404, "There is no such team in this project.")
        return found

    def memberships(self, emails: list[str]) -> list[int]:
        """The memberships of these addresses; 422 naming the first that is nobody's."""
        found = dict(
            Membership.objects.filter(project=self.project, user__email__in=emails).values_list("user__email", "pk")
        )
        for email in emails:
            if email not in found:
                raise invalid("members", f"{email} is not a member of this project")
        return list(found.values())


class TeamView(TeamsView):
    """One team, by its slug."""

    permissions: ClassVar[dict[str, Permission]] = {
        "GET": Permission.APPROVAL_VIEW,
        "PUT": Permission.MEMBER_MANAGE,
        "DELETE": Permission.MEMBER_MANAGE,
    }
    http_method_names = ["get", "put", "delete", "head", "options"]

    @extend_schema(operation_id="teams_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, team: str) -> Response:  # type: ignore[override]  # one, not all
        """One team."""
        return Response(_wire(self.find(team), with_members=self.caller.user is not None))

    @extend_schema(
        operation_id="teams_change", request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT, examples=[EXAMPLE]
    )
    def put(self, request: Request, team: str) -> Response:
        """Renames a team and sets who is in it; without `members` they stay."""
        found = self.find(team)
        name, members = _fields(request.data)
        kept = [place.membership_id for place in found.team_members.all()]
        keys = kept if members is None else self.memberships(members)
        try:
            services.change(team=found, name=name, members=keys, by=self.caller, now=clock.now())
        except ValidationError as error:
            raise not_valid(error) from None
        return Response(_wire(self.find(team)))

    @extend_schema(operation_id="teams_archive", responses={204: None})
    def delete(self, request: Request, team: str) -> Response:
        """Takes a team out of use; what waits for it is then for everybody who may decide."""
        services.archive(team=self.find(team), by=self.caller, now=clock.now())
        return Response(status=204)


def _fields(body: Any) -> tuple[str, list[str] | None]:
    """The name, and the addresses in lower case or None when they were not sent; 422 by field."""
    if not isinstance(body, dict):
        raise invalid("non_field_errors", "must be an object")
    for field in body:
        if field not in {"name", "members"}:
            raise invalid(str(field)[:100], "is not a field of this request")
    name, members = body.get("name"), body.get("members")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= NAME_CHARS:
        raise invalid("name", f"must be text of 1 to {NAME_CHARS} characters")
    if members is not None and not (isinstance(members, list) and all(isinstance(one, str) for one in members)):
        raise invalid("members", "must be a list of e-mail addresses")
    return name, None if members is None else [one.lower() for one in members]


def _wire(team: Team, *, with_members: bool = True) -> Json:
    """The JSON object of a team that was read by `teams_of`."""
    document: Json = {"slug": team.slug, "name": team.name}
    if with_members:
        people = [place.membership.user for place in team.team_members.all()]
        document["members"] = [{"email": user.email, "name": user.display_name} for user in people]
    return document
