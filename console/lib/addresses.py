"""Which network addresses programs of ours may connect to on somebody else's word.

Pure: it also runs in the child process that sends through Apprise, which knows nothing of Django.
"""

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Addresses of IPv6 that carry one of IPv4 in them: what is reached is the IPv4 address (RFC 6052, RFC 8215).
TRANSLATED = tuple(ipaddress.IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48"))

# What Python calls globally reachable, or did until lately, and nobody on the public internet answers at: the rest of
# IANA's block for protocol assignments, the anycast relays of 6to4, IPv4-compatible and site-local addresses (RFC 4291,
# RFC 3879), and segment identifiers (RFC 9602).
RESERVED = tuple(
    ipaddress.ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "::/96", "fec0::/10", "5f00::/16")
)

# A public address by its number only: inside Azure it is the machine's own host, which hands out credentials.
OF_CLOUDS = (ipaddress.ip_network("168.63.129.16/32"),)


class Refused(OSError):
    """The address is not one that may be connected to."""


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks from their CIDR form. Raises ValueError."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def check(text: str, *, allowed: Sequence[Network]) -> None:
    """Raises Refused unless the numeric address is public, or in one of the `allowed` networks.

    Public means globally reachable in IANA's registries of special-purpose addresses, and not multicast.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise Refused(f"{text} is not a numeric address") from None
    reached = reached_by(address)
    if any(one.version == network.version and one in network for one in (address, reached) for network in allowed):
        return
    if not (_is_public(address) and _is_public(reached)):
        raise Refused(f"{address} is a private or reserved address")


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast:
        return False
    return not any(address.version == network.version and address in network for network in (*RESERVED, *OF_CLOUDS))


def reached_by(address: Address) -> Address:
    """The address that packets really go to: the IPv4 address within, where there is one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    within = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if within is None and any(address in network for network in TRANSLATED):
        within = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return within or address
