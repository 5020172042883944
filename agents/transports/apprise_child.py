"""The process that sends one message through Apprise: the order is JSON on standard input, the answer on output.

It connects to public addresses only, whatever Apprise was asked to do: Python's audit hook `socket.connect`
(PEP 578) is called with the address itself, after every look-up and redirect, and cannot be taken away again.
"""

import json
import logging
import re
import sys
from collections.abc import Sequence
from typing import Any

from apprise import Apprise, AppriseAsset, LogCapture, NotifyFormat

from console.lib import addresses

# Nothing that Apprise does for a service needs another program.
FORBIDDEN = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"})
TOWARDS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


def guard(allowed: Sequence[addresses.Network], refused: list[str]) -> None:
    """From now on this process connects to nothing private. What it tried is added to `refused`."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in FORBIDDEN:
            raise addresses.Refused("another program")
        if event not in TOWARDS or arguments[1] is None:
            return
        address = arguments[1]
        try:
            if not isinstance(address, tuple):
                raise addresses.Refused("a socket of this machine")
            addresses.check(str(address[0]), allowed=allowed)
        except addresses.Refused as error:
            refused.append(str(error))
            raise

    sys.addaudithook(hook)


def main() -> None:
    """Reads the order and obeys it: without a body it only says which service the address leads to."""
    order = json.load(sys.stdin)
    refused: list[str] = []
    logging.lastResort = None  # what Apprise logs may hold parts of the address
    guard(addresses.networks(order["networks"]), refused)
    if "body" not in order:
        found = Apprise.instantiate(order["url"])
        json.dump({"service": str(found.service_name) if found else ""}, sys.stdout)
        return
    with LogCapture(level=logging.WARNING) as log:  # type: ignore[no-untyped-call]
        service = Apprise(asset=AppriseAsset(app_id="Handrail", app_desc="Handrail", async_mode=False))
        service.add(order["url"])
        sent = service.notify(title=order["title"], body=order["body"], body_format=NotifyFormat.TEXT)
        said = log.getvalue()
    json.dump({"sent": bool(sent), "detail": "" if sent else why(said, refused)}, sys.stdout)


def why(said: str, refused: Sequence[str]) -> str:
    """What went wrong, without the words of the log: they may hold parts of the address."""
    if refused:
        return f"refused: {refused[0]}"
    code = re.search(r"error[= ]+(\d{3})\b", said)
    return f"the service answered {code[1]}" if code else "the service did not take the message"


if __name__ == "__main__":
    main()
