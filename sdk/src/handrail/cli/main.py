"""What `handrail` understands, and what its exit code says.

0 done; 1 refused by the server; 2 misspelt; 3 Handrail cannot be reached; 4 somebody else has decided; 5 not allowed;
130 interrupted.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence

from handrail import wire
from handrail.cli import approvals, streams
from handrail.client import Handrail
from handrail.errors import HandrailError, Unreachable
from handrail.retry import RetryPolicy

REFUSED, UNREACHABLE, DECIDED, FORBIDDEN, INTERRUPTED = 1, 3, 4, 5, 130
TOKEN_VARIABLE = "HANDRAIL_TOKEN"  # noqa: S105 - the name of a variable
CODES = {409: DECIDED, 401: FORBIDDEN, 403: FORBIDDEN}
# Somebody sits in front of it.
PATIENCE = RetryPolicy(patience_seconds=10.0, wait_patience_seconds=30.0)


def main(words: Sequence[str] | None = None) -> int:
    """Do what the words say; returns the exit code."""
    given = parser().parse_args(words)
    try:
        return _run(given)
    except Unreachable as error:
        print(f"handrail: {error}", file=sys.stderr)
        return UNREACHABLE
    except HandrailError as error:
        print(f"handrail: {error}", file=sys.stderr)
        return CODES.get(error.status or 0, REFUSED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read has had enough; nothing more can be written, also not by the interpreter on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(given: Namespace) -> int:
    if given.project:
        os.environ[wire.PROJECT_VARIABLE] = given.project
    token = given.token or os.environ.get(TOKEN_VARIABLE)
    if given.run is None:
        try:
            from handrail.mcp import serve
        except ImportError as error:
            raise HandrailError("handrail mcp needs the extra: pip install 'handrail[mcp]'") from error
        serve(given.url, token)
        return 0
    with Handrail(given.url, token, retry=PATIENCE) as client:
        given.run(client, given)
    return 0


def parser() -> ArgumentParser:
    """The grammar of the command line."""
    whole = ArgumentParser(prog="handrail", description="Approvals, feedback and traces of Handrail.")
    whole.add_argument("--url", help="where Handrail is (HANDRAIL_URL)")
    whole.add_argument("--token", help="your personal token (HANDRAIL_TOKEN), or an API key (HANDRAIL_API_KEY)")
    whole.add_argument("--project", help="slug of the project, when you belong to several (HANDRAIL_PROJECT)")
    groups = whole.add_subparsers(required=True, metavar="COMMAND")
    _approvals(groups)
    feedback = groups.add_parser("feedback", help="labelled examples").add_subparsers(required=True, metavar="VERB")
    _export(feedback)
    trace = groups.add_parser("trace", help="what agents do").add_subparsers(required=True, metavar="VERB")
    _tail(trace)
    served = groups.add_parser("mcp", help="serve the approvals of this project to an MCP client, over stdio")
    served.set_defaults(run=None)
    return whole


def _approvals(groups: _SubParsersAction[ArgumentParser]) -> None:
    verbs = groups.add_parser("approvals", help="requests for approval").add_subparsers(required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="newest first")
    for name in ("status", "agent", "action", "session-id"):
        listing.add_argument(f"--{name}")
    listing.add_argument("--limit", type=int, default=20)
    show = verbs.add_parser("show", help="one of them, whole")
    approve = verbs.add_parser("approve", help="let the action run")
    approve.add_argument("--arguments", type=approvals.read_arguments, help="other arguments: JSON, or @FILE")
    reject = verbs.add_parser("reject", help="let it not run")
    for verb in (approve, reject):
        verb.add_argument("--reason", help="what the agent is told")
        verb.add_argument("--label", action="append", help="a label of the reason; may be repeated")
        verb.add_argument("--item", type=int, help="which action of a batch, from 0")
    for verb in (show, approve, reject):
        verb.add_argument("id")
    runs = {listing: approvals.listing, show: approvals.show, approve: approvals.approve, reject: approvals.reject}
    for verb, run in runs.items():
        verb.add_argument("--json", action="store_true", help="as JSON, one line for each")
        verb.set_defaults(run=run)


def _export(verbs: _SubParsersAction[ArgumentParser]) -> None:
    export = verbs.add_parser("export", help="all of them, oldest first")
    export.add_argument("--output", help="a file; without it, the standard output")
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl")
    export.add_argument("--resume", action="store_true", help="go on after the last line of the file")
    export.add_argument("--follow", action="store_true", help="never end, and write new ones as they come")
    export.add_argument("--cursor", default="", help="go on after the example that carried it")
    for name in ("since", "until", "agent", "action", "verdict", "label", "outcome"):
        export.add_argument(f"--{name}")
    included = ("undecided", "scores", "scores,undecided")
    export.add_argument("--include", choices=included, help="what expired or was cancelled, and changes of scores")
    export.set_defaults(run=streams.export)


def _tail(verbs: _SubParsersAction[ArgumentParser]) -> None:
    tail = verbs.add_parser("tail", help="traces as they arrive")
    tail.add_argument("--agent")
    tail.add_argument("--status", choices=("ok", "error", "waiting"))
    tail.add_argument("-q", help="as in the search box of the page, for instance cost>0.05")
    tail.add_argument("--lines", type=int, default=10, help="how many to begin with")
    tail.add_argument("--interval", type=float, default=2.0, help="seconds between looks")
    tail.add_argument("--once", action="store_true", help="print those and end")
    tail.add_argument("--json", action="store_true", help="as JSON, one line for each")
    tail.set_defaults(run=streams.tail)
