"""Addresses of people and projects: `page_patterns` live under /p/<project>/, `people_patterns` at the root."""

from django.urls import URLPattern, URLResolver, path

from agents.api import channels as channels_api
from agents.api import teams as teams_api
from agents.views import (
    account,
    audit,
    away,
    channels,
    deliveries,
    home,
    invitations,
    keys,
    members,
    notifications,
    settings,
    teams,
)

page_patterns: list[URLPattern | URLResolver] = [
    path("settings/", settings.project_settings, name="project-settings"),
    path("settings/archive/", settings.project_archive, name="project-archive"),
    path("settings/restore/", settings.project_restore, name="project-restore"),
    path("settings/members/", members.members, name="members"),
    path("settings/members/<int:member>/role/", members.member_role, name="member-role"),
    path("settings/members/<int:member>/remove/", members.member_remove, name="member-remove"),
    path("settings/members/<int:member>/reset-link/", members.member_reset_link, name="member-reset-link"),
    path("settings/invitations/<int:invitation>/revoke/", members.invitation_revoke, name="invitation-revoke"),
    path("settings/teams/", teams.teams, name="teams"),
    path("settings/teams/<slug:team>/", teams.team, name="team"),
    path("settings/teams/<slug:team>/archive/", teams.team_archive, name="team-archive"),
    path("settings/keys/", keys.keys, name="keys"),
    path("settings/keys/new/", keys.key_new, name="key-new"),
    path("settings/keys/<int:key>/rotate/", keys.key_rotate, name="key-rotate"),
    path("settings/keys/<int:key>/revoke/", keys.key_revoke, name="key-revoke"),
    path("settings/channels/", channels.channels, name="channels"),
    path("settings/channels/new/<slug:kind>/", channels.channel_new, name="channel-new"),
    path("settings/channels/<int:channel>/", channels.channel, name="channel"),
    path("settings/channels/<int:channel>/switch/", channels.channel_switch, name="channel-switch"),
    path("settings/channels/<int:channel>/test/", channels.channel_test, name="channel-test"),
    path("settings/channels/<int:channel>/secret/", channels.channel_secret, name="channel-secret"),
    path("settings/channels/<int:channel>/remove/", channels.channel_remove, name="channel-remove"),
    path("settings/channels/<int:channel>/rules/new/", channels.rule_new, name="rule-new"),
    path("settings/channels/<int:channel>/rules/<int:rule>/", channels.rule, name="rule"),
    path("settings/channels/<int:channel>/rules/<int:rule>/remove/", channels.rule_remove, name="rule-remove"),
    path("settings/deliveries/", deliveries.deliveries, name="deliveries"),
    path("settings/deliveries/replay/", deliveries.deliveries_replay, name="deliveries-replay"),
    path("settings/deliveries/<int:delivery>/", deliveries.delivery, name="delivery"),
    path("settings/deliveries/<int:delivery>/replay/", deliveries.delivery_replay, name="delivery-replay"),
    path("audit/", audit.audit, name="audit"),
]

api_patterns: list[URLPattern | URLResolver] = [
    path("teams", teams_api.TeamsView.as_view(), name="teams"),
    path("teams/<slug:team>", teams_api.TeamView.as_view(), name="team"),
    path("channels", channels_api.ChannelsView.as_view(), name="channels"),
    path("channels/<int:channel>", channels_api.ChannelView.as_view(), name="channel"),
    path("channels/<int:channel>/test", channels_api.ChannelTestView.as_view(), name="channel-test"),
    path("channels/<int:channel>/secret", channels_api.ChannelSecretView.as_view(), name="channel-secret"),
    path("channels/<int:channel>/deliveries", channels_api.ChannelDeliveriesView.as_view(), name="deliveries"),
    path("deliveries/<int:delivery>", channels_api.DeliveryView.as_view(), name="delivery"),
    path("deliveries/<int:delivery>/replay", channels_api.ReplayView.as_view(), name="delivery-replay"),
]

people_patterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("projects/new/", home.project_new, name="project-new"),
    path("projects/<slug:project>/open/", home.project_switch, name="project-switch"),
    path("invitations/<str:secret>/", invitations.invitation, name="invitation"),
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/bell/", notifications.bell, name="notifications-bell"),
    path("notifications/latest/", notifications.latest, name="notifications-latest"),
    path("notifications/read/", notifications.read, name="notifications-read"),
    path("notifications/<int:notification>/", notifications.open_notification, name="notification-open"),
    path("account/", account.account, name="account"),
    path("account/notifications/", account.account_notifications, name="account-notifications"),
    path("account/away/", away.away, name="away"),
    path("account/away/<int:away>/end/", away.away_end, name="away-end"),
    path("account/tokens/", account.token_new, name="token-new"),
    path("account/tokens/<int:token>/revoke/", account.token_revoke, name="token-revoke"),
    path("account/sessions/end/", account.session_end, name="session-end"),
    path("account/projects/<int:membership>/leave/", account.leave, name="leave"),
]
