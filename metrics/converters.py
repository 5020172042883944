"""Names that agents make up, as a part of an address.

Sessions and agents are called whatever their makers like: with slashes, dots, percent signs, other scripts. Some of
that does not survive in a path: browsers fold "..", servers decode %2F. Such a name is written as "~" and its UTF-8 in
base64url; any other stands as it is. Both forms are read.
"""

import base64
import binascii
import re

PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_:@.-]*")
MARK = "~"


class NameConverter:
    """A name in an address; slashes of names that somebody typed in are part of it."""

    regex = ".+"

    def to_python(self, value: str) -> str:
        """The name. A damaged one raises ValueError: nothing is there."""
        if "\x00" in value:
            raise ValueError("no name contains NUL")
        if not value.startswith(MARK):
            return value
        try:
            raw = base64.b64decode(value[1:] + "=" * (-len(value[1:]) % 4), altchars=b"-_", validate=True)
        except binascii.Error as error:
            raise ValueError("not base64url") from error
        name = raw.decode()
        if "\x00" in name:
            raise ValueError("no name contains NUL")
        return name

    def to_url(self, value: str) -> str:
        """How the name is written."""
        if PLAIN.fullmatch(value):
            return value
        return MARK + base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
