"""The process that sends one message through Apprise: the order is JSON on standard input, the answer on output.

It connects to public addresses only, whatever Apprise was asked to do: Python's audit hook `socket.connect`
(PEP 578) is called with the address itself, after every look-up and redirect, and cannot be taken away again. In the
same way it opens no file but its own programs: templates and keys that an address names are files of the server.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from apprise import Apprise, AppriseAsset, LogCapture, NotifyBase, NotifyFormat

from console.lib import addresses

# Nothing that Apprise does for a service needs another program.
FORBIDDEN = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "sqlite3.connect"})

# These speak to the machine that Handrail runs on, not to a service.
LOCAL = frozenset({"blink1", "dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})

# What may be read: Python and its packages, zones and types of media. Certificates are read by OpenSSL itself.
READABLE = tuple(
    os.path.realpath(path) + os.sep
    for path in (sys.prefix, os.path.dirname(os.__file__), "/usr/share/zoneinfo", "/usr/share/mime")
)
READABLE_FILES = frozenset({"/etc/mime.types", "/dev/null", "/dev/urandom"})
READING = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
TOWARDS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


def guard(allowed: Sequence[addresses.Network], refused: list[str]) -> None:
    """From now on this process connects to nothing private and opens no file of others; `refused` is what it tried."""
    sys.dont_write_bytecode = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        try:
            _check(event, arguments, allowed)
        except addresses.Refused as error:
            refused.append(str(error))
            raise

    sys.addaudithook(hook)


def _check(event: str, arguments: tuple[Any, ...], allowed: Sequence[addresses.Network]) -> None:
    """Raises Refused for what this process must not do."""
    if event in FORBIDDEN:
        raise addresses.Refused("another program")
    if event.startswith("syslog."):
        raise addresses.Refused("the log of this machine")
    if event == "open" and not _may_open(*arguments):
        raise addresses.Refused("a file of this machine")
    if event in TOWARDS and arguments[1] is not None:
        if not isinstance(arguments[1], tuple):
            raise addresses.Refused("a socket of this machine")
        addresses.check(str(arguments[1][0]), allowed=allowed)


def _may_open(path: Any, mode: str | None, flags: int) -> bool:
    if isinstance(path, int):  # opened already
        return True
    if flags & ~READING or set(mode or "") & set("wax+"):
        return path in {"/dev/null", b"/dev/null"}
    real = os.path.realpath(os.fsdecode(path))
    return real in READABLE_FILES or real.startswith(READABLE)


def main() -> None:
    """Reads the order and obeys it: without a body it only says which service the address leads to."""
    order = json.load(sys.stdin)
    refused: list[str] = []
    logging.lastResort = None  # what Apprise logs may hold parts of the address
    guard(addresses.networks(order["networks"]), refused)
    asset = AppriseAsset(app_id="Handrail", app_desc="Handrail", async_mode=False)
    # One address is one service: `add` would take a text apart and notify all that it names.
    found = Apprise.instantiate(order["url"], asset=asset)
    local = isinstance(found, NotifyBase) and bool(LOCAL & set(NotifyBase.schemas(found)))  # type: ignore[no-untyped-call]
    if "body" not in order:
        json.dump({"service": str(found.service_name) if found else "", "local": local}, sys.stdout)
        return
    with LogCapture(level=logging.WARNING) as log:  # type: ignore[no-untyped-call]
        service = Apprise(asset=asset)
        if isinstance(found, NotifyBase) and not local:
            service.add(found)
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
