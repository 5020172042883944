"""The tracer provider of a process: what agents call once, before their first span."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from handrail import wire
from handrail.errors import HandrailError
from handrail.spool import Spool
from handrail.tracing import correlate_logs, said

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.id_generator import IdGenerator

SPOOL_VARIABLE = "HANDRAIL_SPOOL"


def configure_tracing(
    service_name: str,
    *,
    agent_name: str | None = None,
    agent_version: str | None = None,
    environment: str | None = None,
    url: str | None = None,
    key: str | None = None,
    set_global: bool = True,
    id_generator: IdGenerator | None = None,
    spool: Spool | str | None = None,
    logs: bool = False,
) -> TracerProvider:
    """Send every span of this process to Handrail, within a second of its end; returns the provider.

    agent_name, agent_version: on every span that does not say otherwise. environment: for instance "production".
    url, key: as for the clients. set_global: make it the process's own provider, which instrumentations use. Several
        agents in one process each take one of their own instead.
    id_generator: for traces whose ids must be the same each time.
    spool: a Spool, or its folder (HANDRAIL_SPOOL when left out), that keeps what cannot be sent, for this process or
        the next one. Without one, an outage of more than some seconds loses spans.
    logs: let log records name the span and the session they belong to, see `correlate_logs`.

    Call its `shutdown()` before the process ends, or its last second may be lost. HandrailError without the extra.
    """
    try:
        from opentelemetry.trace import set_tracer_provider

        from handrail.exporting import provider_for
    except ImportError as error:
        raise HandrailError("configure_tracing needs the extra: pip install 'handrail[otel]'") from error
    resource = {"service.name": service_name, "deployment.environment.name": environment}
    stamps = {"gen_ai.agent.name": agent_name, "gen_ai.agent.version": agent_version}
    provider = provider_for(wire.locate(url, key), said(resource), said(stamps), id_generator, _spool_of(spool))
    if logs:
        correlate_logs()
    if set_global:
        set_tracer_provider(provider)
    return provider


def _spool_of(spool: Spool | str | None) -> Spool | None:
    folder = spool or os.environ.get(SPOOL_VARIABLE) or None
    return Spool(folder) if isinstance(folder, str) else folder
