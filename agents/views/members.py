"""A project's members and who is invited."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from agents import selectors
from agents.access import page_project
from agents.forms import InviteForm, RoleForm
from agents.models import Invitation, Membership, Project
from agents.permissions import Permission
from agents.roles import ROLE_SUMMARIES, Role
from agents.services import accounts, invitations, mail
from agents.services import members as services
from agents.services.invitations import IssuedInvitation
from agents.views import once
from agents.views.person import person
from console.lib import clock


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def members(request: HttpRequest, project: str) -> HttpResponse:
    """The members and the open invitations; a POST invites somebody."""
    found = page_project(request, project, Permission.MEMBER_MANAGE)
    form = InviteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if not once.spend(request):
            messages.info(request, _("This invitation was made already. Invite again for a new link."))
            return redirect("agents:members", project=project)
        fields = form.cleaned_data
        try:
            issued = invitations.invite(
                project=found, email=fields["email"], role=fields["role"], by=person(request), now=clock.now()
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _deliver_invitation(request, found, issued)
    return _page(request, found, form=form)


@require_POST
def member_role(request: HttpRequest, project: str, member: int) -> HttpResponse:
    """Gives a member another role."""
    found = page_project(request, project, Permission.MEMBER_MANAGE)
    membership = get_object_or_404(Membership, pk=member, project=found)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("There is no such role."))
        return redirect("agents:members", project=project)
    try:
        changed = services.change_role(
            membership=membership, role=form.cleaned_data["role"], by=person(request), now=clock.now()
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        words = {"name": changed.user.display_name, "role": Role(changed.role).label}
        messages.success(request, _("%(name)s is %(role)s now.") % words)
    return redirect(_after(request, found))


@require_http_methods(["GET", "HEAD", "POST"])
def member_remove(request: HttpRequest, project: str, member: int) -> HttpResponse:
    """Asks, then takes a member out."""
    found = page_project(request, project, Permission.MEMBER_MANAGE)
    membership = get_object_or_404(Membership.objects.select_related("user"), pk=member, project=found)
    if request.method != "POST":
        return render(request, "agents/member_remove.html", {"membership": membership, "tab": "members"})
    try:
        services.remove(membership=membership, by=person(request), now=clock.now())
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("%(name)s is no longer a member.") % {"name": membership.user.display_name})
    return redirect(_after(request, found))


@never_cache
@require_POST
def member_reset_link(request: HttpRequest, project: str, member: int) -> HttpResponse:
    """A link with which a member sets a new password: mailed, or shown to copy without a mail server."""
    found = page_project(request, project, Permission.MEMBER_MANAGE)
    membership = get_object_or_404(Membership.objects.select_related("user", "project"), pk=member, project=found)
    user = membership.user
    try:
        path = accounts.reset_link(
            membership=membership, by=person(request), handed_over=not mail.can_send(), now=clock.now()
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("agents:members", project=project)
    link = settings.PUBLIC_URL + path
    if mail.can_send():
        if mail.send_link(to=user.email, template="reset", link=link, person=user):
            messages.success(request, _("A link to set a new password is on its way to %(to)s.") % {"to": user.email})
        else:
            messages.error(request, _("The mail server did not take the message. Try again later."))
        return redirect("agents:members", project=project)
    return _page(request, found, shown={"kind": "reset", "link": link, "to": user.email})


@require_POST
def invitation_revoke(request: HttpRequest, project: str, invitation: int) -> HttpResponse:
    """Stops an invitation's link."""
    found = page_project(request, project, Permission.MEMBER_MANAGE)
    open_one = get_object_or_404(Invitation, pk=invitation, project=found)
    if invitations.revoke(invitation=open_one, by=person(request), now=clock.now()):
        messages.success(request, _("The invitation of %(to)s is revoked.") % {"to": open_one.email})
    else:
        messages.info(request, _("This invitation did not work any more."))
    return redirect("agents:members", project=project)


def _deliver_invitation(request: HttpRequest, project: Project, issued: IssuedInvitation) -> HttpResponse:
    link = settings.PUBLIC_URL + reverse("invitation", kwargs={"secret": issued.secret})
    to = issued.invitation.email
    if mail.can_send():
        context = {"project": project, "inviter": person(request), "role": Role(issued.invitation.role).label}
        if mail.send_link(to=to, template="invitation", link=link, **context):
            messages.success(request, _("An invitation is on its way to %(to)s.") % {"to": to})
            return redirect("agents:members", project=project.slug)
        messages.error(request, _("The mail server did not take the message: hand the link over yourself."))
    return _page(request, project, shown={"kind": "invitation", "link": link, "to": to})


def _page(
    request: HttpRequest, project: Project, *, form: InviteForm | None = None, shown: dict[str, Any] | None = None
) -> HttpResponse:
    context = {
        "members": selectors.members_of(project),
        "invitations": selectors.open_invitations(project, clock.now()),
        "form": form or InviteForm(),
        "shown": shown,
        "roles": [(role, role.label, ROLE_SUMMARIES[role]) for role in Role],
        "mails": mail.can_send(),
        "stamp": once.new_stamp(),
        "tab": "members",
    }
    return render(request, "agents/members.html", context, status=422 if form is not None and form.is_bound else 200)


def _after(request: HttpRequest, project: Project) -> str:
    """Back to the members, unless that was somebody's own way out."""
    if person(request).has_perm(Permission.MEMBER_MANAGE, project):
        return reverse("agents:members", kwargs={"project": project.slug})
    return reverse("home")
