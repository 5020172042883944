"""The websocket behind every open page: it carries invalidations, and checks again who may hear them."""

from contextlib import suppress
from typing import Any
from uuid import uuid4

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from agents.models import Project, User
from agents.permissions import Permission
from agents.selectors import permissions_of
from console.lib import live, presence

GROUPS_MAX = 20
POLICY_VIOLATION = 4403
PRESENT = "looking."
"""Whoever hears a group of such a name is present in it."""


def permission_for(name: str) -> Permission | None:
    """What a person needs to hear of a group; None for groups that do not exist."""
    if name in {"metrics", "alerts"}:
        return Permission.TELEMETRY_VIEW
    if name == "queue" or name.startswith(("approval.", PRESENT)):
        return Permission.APPROVAL_VIEW
    return None


def find_project(user: Any, slug: str) -> Project | None:
    """The open project of that address, if this is an active person who belongs to it."""
    if not isinstance(user, User) or not User.objects.filter(pk=user.pk, is_active=True).exists():
        return None
    return Project.objects.open().of(user.pk).filter(slug=slug).first()


class LiveConsumer(AsyncJsonWebsocketConsumer):
    """One page's connection at /ws/p/<project>/.

    The browser sends {"subscribe": ["queue", "approval.<id>", ...]}, each message replacing the last;
    it receives {"group": "queue", ...counts}. The person's own group is always included. With "hidden": true the
    person does not see the page just now, and is present nowhere.
    """

    project: Project
    user: User
    groups_heard: set[str]
    present_in: set[str]
    tab: str

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serves a connection from its first message until it is gone, however it goes.

        Sending to somebody who has left raises OSError, says ASGI; that is no fault, and the news of it is on its way.
        """

        async def send_if_there(message: Any) -> None:
            with suppress(OSError):
                await send(message)

        try:
            await super().__call__(scope, receive, send_if_there)
        finally:
            await self.leave()

    async def connect(self) -> None:
        self.groups_heard, self.present_in, self.tab = set(), set(), uuid4().hex
        user = self.scope["user"]
        project = await database_sync_to_async(find_project)(user, self.scope["url_route"]["kwargs"]["project"])
        if project is None:
            await self.close(POLICY_VIOLATION)
            return
        assert isinstance(user, User)
        self.user, self.project = user, project
        await self.accept()
        await live.hub().add(live.user_group(self.user.pk), self.forward)

    async def receive_json(self, content: Any, **_kwargs: Any) -> None:
        names = content.get("subscribe") if isinstance(content, dict) else None
        if not isinstance(names, list) or len(names) > GROUPS_MAX:
            await self.send_json({"error": 'send {"subscribe": [up to 20 group names]}'})
            return
        permissions = await database_sync_to_async(permissions_of)(self.user.pk, self.project.pk)
        wanted = {name for name in names if isinstance(name, str) and permission_for(name) in permissions}
        for name in wanted - self.groups_heard:
            await live.hub().add(live.project_group(self.project.pk, name), self.forward)
        for name in self.groups_heard - wanted:
            await live.hub().remove(live.project_group(self.project.pk, name), self.forward)
        self.groups_heard = wanted
        await self.be_present_in(set() if content.get("hidden") else {one for one in wanted if one.startswith(PRESENT)})
        await self.send_json({"subscribed": sorted(wanted)})

    async def be_present_in(self, names: set[str]) -> None:
        """Lets others see that this person has just these open."""
        for name in names - self.present_in:
            await presence.tabs().enter(live.project_group(self.project.pk, name), self.user.pk, self.tab)
        for name in self.present_in - names:
            await presence.tabs().leave(live.project_group(self.project.pk, name), self.user.pk, self.tab)
        self.present_in = names

    async def forward(self, message: live.Message) -> None:
        """Passes an invalidation on; drops people who lost their access.

        A resync says that messages may have been lost, that one among them.
        """
        missed = message.facts.get("resync") and message.facts["group"] == live.user_group(self.user.pk)
        if missed or message.facts.get("access"):
            still_theirs = await database_sync_to_async(find_project)(self.user, self.project.slug)
            if still_theirs is None:
                await self.close(POLICY_VIOLATION)
                return
        await self.send(text_data=message.text)

    async def leave(self) -> None:
        """Hears nothing any more, and is present nowhere."""
        if not hasattr(self, "user"):
            return
        await live.hub().remove(live.user_group(self.user.pk), self.forward)
        for name in self.groups_heard:
            await live.hub().remove(live.project_group(self.project.pk, name), self.forward)
        await self.be_present_in(set())
