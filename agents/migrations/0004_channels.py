"""Channels, rules, and the outbox with its deliveries."""

import uuid
from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import agents.models.sealed
import agents.models.user

ID = ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("agents", "0003_teams")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ID,
                ("at", models.DateTimeField()),
                ("took_ms", models.PositiveIntegerField()),
                ("succeeded", models.BooleanField()),
                ("code", models.PositiveSmallIntegerField(help_text="The HTTP status, where there was one.", null=True)),
                ("detail", models.CharField(blank=True, help_text="What went wrong, in words.", max_length=300)),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.CreateModel(
            name="Channel",
            fields=[
                ID,
                ("name", models.CharField(max_length=100, verbose_name="name")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("email", "E-mail"),
                            ("apprise", "Chat, pager and other services"),
                            ("webhook", "Webhook"),
                            ("browser", "Browser"),
                            ("callback", "Callbacks of agents"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "target",
                    agents.models.sealed.SealedTextField(
                        help_text="E-mail addresses, one on a line; an Apprise URL; a webhook's URL; else empty."
                    ),
                ),
                ("hint", models.CharField(blank=True, help_text="What may be shown of the target.", max_length=200)),
                (
                    "secret",
                    agents.models.sealed.SealedTextField(
                        help_text="`whsec_...` of a webhook and of callbacks, else empty."
                    ),
                ),
                (
                    "old_secret",
                    agents.models.sealed.SealedTextField(
                        help_text="The one before, which still signs until `old_secret_until`."
                    ),
                ),
                ("old_secret_until", models.DateTimeField(blank=True, null=True)),
                ("enabled", models.BooleanField(default=True)),
                ("stopped", models.CharField(blank=True, help_text="Why Handrail itself has disabled it.", max_length=200)),
                ("created_at", models.DateTimeField()),
                ("removed_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ChannelRule",
            fields=[
                ID,
                (
                    "events",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        help_text="Empty means every event.",
                        size=None,
                    ),
                ),
                (
                    "min_risk",
                    models.CharField(
                        choices=[("low", "Low"), ("medium", "Medium"), ("high", "High"), ("critical", "Critical")],
                        default="low",
                        max_length=8,
                    ),
                ),
                ("quiet_from", models.TimeField(blank=True, null=True)),
                ("quiet_until", models.TimeField(blank=True, null=True)),
                ("time_zone", models.CharField(default="UTC", max_length=64, validators=[agents.models.user.validate_time_zone])),
                ("digest_minutes", models.PositiveSmallIntegerField(default=0, help_text="0 tells each event at once.")),
                ("created_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ID,
                (
                    "status",
                    models.CharField(
                        choices=[("pending", "Pending"), ("delivered", "Delivered"), ("failed", "Failed")],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("due_at", models.DateTimeField(help_text="When it is tried next.")),
                ("gives_up_at", models.DateTimeField(help_text="From then on it is not tried again.")),
                ("tries", models.PositiveSmallIntegerField(default=0, help_text="Since it was made or replayed.")),
                ("error", models.CharField(blank=True, help_text="What the last attempt met.", max_length=300)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                ID,
                (
                    "origin",
                    models.CharField(
                        blank=True, help_text="`https://host:port` of callbacks, else empty.", max_length=300
                    ),
                ),
                ("failures", models.PositiveIntegerField(default=0, help_text="In a row.")),
                ("open_until", models.DateTimeField(help_text="Until then nothing is tried: the circuit is open.", null=True)),
                ("wake_at", models.DateTimeField(help_text="When there is something to send next.", null=True)),
                ("leased_until", models.DateTimeField(help_text="A worker is at it, unless it has died.", null=True)),
            ],
        ),
        migrations.CreateModel(
            name="OutboxEvent",
            fields=[
                ID,
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, help_text="Names the message to webhooks.")),
                ("type", models.CharField(help_text="As `approval.expired`.", max_length=40)),
                ("at", models.DateTimeField()),
                (
                    "risk",
                    models.CharField(
                        choices=[("low", "Low"), ("medium", "Medium"), ("high", "High"), ("critical", "Critical")],
                        default="low",
                        max_length=8,
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("body", models.CharField(blank=True, max_length=500)),
                ("path", models.CharField(help_text="The page of what it is about, on this site.", max_length=300)),
                (
                    "actions",
                    models.JSONField(
                        default=list, help_text='[{"label", "path"}]: pages where a person can act on it.'
                    ),
                ),
                ("ends", models.BooleanField(default=False, help_text="Nobody needs to act any more on what `path` shows.")),
                ("data", models.JSONField(help_text="What webhooks are told of it.")),
                ("callback_url", models.CharField(blank=True, help_text="Where the agent wants to be told of it.", max_length=500)),
                ("routed_at", models.DateTimeField(help_text="When its deliveries were written.", null=True)),
            ],
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("read_at__isnull", True)), fields=["url"], name="notification_unread_by_url"
            ),
        ),
        migrations.AddField(
            model_name="channel",
            name="created_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="channel",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="channels", to="agents.project"
            ),
        ),
        migrations.AddField(
            model_name="channelrule",
            name="channel",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="rules", to="agents.channel"
            ),
        ),
        migrations.AddField(
            model_name="channelrule",
            name="team",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents.team"
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="channel",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.channel"
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="digest",
            field=models.ForeignKey(
                db_index=False,
                help_text="The rule that makes one message of all that falls due together.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="agents.channelrule",
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="project",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.project"
            ),
        ),
        migrations.AddField(
            model_name="attempt",
            name="delivery",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="attempts", to="agents.delivery"
            ),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="channel",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="endpoints",
                to="agents.channel",
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="endpoint",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="agents.endpoint",
            ),
        ),
        migrations.AddField(
            model_name="outboxevent",
            name="project",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.project"),
        ),
        migrations.AddField(
            model_name="outboxevent",
            name="team",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="agents.team",
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="event",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="agents.outboxevent",
            ),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["email", "apprise", "webhook", "browser", "callback"])),
                name="channel_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "callback")),
                fields=("project",),
                name="one_channel_of_callbacks_per_project",
            ),
        ),
        migrations.AddConstraint(
            model_name="channelrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("quiet_from__isnull", True), ("quiet_until__isnull", True)),
                    models.Q(
                        ("quiet_from__isnull", False),
                        ("quiet_until__isnull", False),
                        models.Q(("quiet_from", models.F("quiet_until")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="quiet_hours_have_two_ends",
            ),
        ),
        migrations.AddConstraint(
            model_name="channelrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("min_risk__in", ["low", "medium", "high", "critical"])), name="rule_risk_known"
            ),
        ),
        migrations.AddIndex(
            model_name="endpoint",
            index=models.Index(
                condition=models.Q(("wake_at__isnull", False)), fields=["wake_at"], name="endpoint_wake"
            ),
        ),
        migrations.AddConstraint(
            model_name="endpoint",
            constraint=models.UniqueConstraint(fields=("channel", "origin"), name="endpoint_of_channel"),
        ),
        migrations.AddIndex(
            model_name="outboxevent",
            index=models.Index(condition=models.Q(("routed_at__isnull", True)), fields=["id"], name="outbox_unrouted"),
        ),
        migrations.AddIndex(model_name="outboxevent", index=models.Index(fields=["at"], name="outbox_by_time")),
        migrations.AddConstraint(
            model_name="outboxevent", constraint=models.UniqueConstraint(fields=("uid",), name="outbox_uid")
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("status", "pending")), fields=["endpoint", "due_at", "id"], name="delivery_due"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery", index=models.Index(fields=["project", "-id"], name="delivery_by_project")
        ),
        migrations.AddIndex(
            model_name="delivery", index=models.Index(fields=["project", "status", "-id"], name="delivery_by_status")
        ),
        migrations.AddIndex(
            model_name="delivery", index=models.Index(fields=["channel", "-id"], name="delivery_by_channel")
        ),
        migrations.AddIndex(
            model_name="delivery", index=models.Index(fields=["channel", "status", "-id"], name="delivery_by_channel_status")
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("digest__isnull", False)), fields=["digest"], name="delivery_by_digest"
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(fields=("event", "channel"), name="delivery_once_per_channel"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["pending", "delivered", "failed"])), name="delivery_status_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", True), ("status", "pending")),
                    models.Q(models.Q(("status", "pending"), _negated=True), ("finished_at__isnull", False)),
                    _connector="OR",
                ),
                name="delivery_finished_unless_pending",
            ),
        ),
    ]
