"""Host names and IP addresses as certificates carry them (RFC 5280 4.2.1.6, RFC 9525)."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from cryptography import x509

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.x509 import GeneralName

MAX_NAME = 253
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
# What no address can be without; host names, which come in crowds, are told apart at once.
_ADDRESS = re.compile(r"\[?[0-9A-Fa-f.:]+\]?\Z")
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def ip_address(text: str) -> IPAddress | None:
    """The address that ``text`` spells, or None; scope ids are not addresses here."""
    if not _ADDRESS.match(text):
        return None
    try:
        return ipaddress.ip_address(text.strip("[]") if text.startswith("[") else text)
    except ValueError:
        return None


def a_label(name: str) -> str:
    """The ASCII form of a host name, letter case kept where it was ASCII already.

    Raises ValueError when a label cannot be encoded (IDNA 2008).
    """
    if name.isascii():
        return name
    import idna  # noqa: PLC0415 - its tables are large and seldom needed

    wildcard, rest = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    try:
        return wildcard + idna.encode(rest, uts46=True).decode("ascii")
    except idna.IDNAError as fault:
        raise ValueError(str(fault)) from fault


def dns_name(text: str) -> str:
    """A host name in ASCII, ``*`` allowed as the whole left-most label of several.

    Raises ValueError that says in plain words what is wrong.
    """
    name = a_label(text)
    labels = name.split(".")
    if len(name) > MAX_NAME:
        raise ValueError(f"it has {len(name)} characters, {MAX_NAME} is the most")
    if labels[0] == "*" and len(labels) > 1:
        labels = labels[1:]
    for label in labels:
        _check_label(label)
    if labels[-1].isdigit():
        raise ValueError("it looks like an IP address but is none")
    return name


def _check_label(label: str) -> None:
    if not label:
        raise ValueError("it has an empty part between dots")
    if "*" in label:
        raise ValueError("* may stand only alone, as the left-most part before a dot")
    if not _LABEL.match(label):
        raise ValueError(
            "each part between dots is 1 to 63 letters, digits and dashes, no dash at its ends"
        )


def general_name(text: str) -> x509.DNSName | x509.IPAddress:
    """The SAN entry for a host name or an IP address. Raises ValueError in plain words."""
    address = ip_address(text)
    return x509.IPAddress(address) if address is not None else x509.DNSName(dns_name(text))


def is_host(text: str) -> bool:
    """Whether ``text`` is a host name (a wildcard counts) or an IP address."""
    try:
        general_name(text)
    except ValueError:
        return False
    return True


def san_texts(names: Iterable[GeneralName]) -> tuple[str, ...]:
    """Host names, addresses, e-mail addresses and URIs as text, in their order; others left out."""
    texts = []
    for name in names:
        if isinstance(name, x509.IPAddress):
            texts.append(str(name.value))
        elif isinstance(name, (x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier)):
            texts.append(name.value)
    return tuple(texts)


def pattern_matches(pattern: str, host: str) -> bool:
    """Whether a DNS-ID covers a host name (RFC 9525 6.3).

    Letter case does not count; ``*`` covers exactly one whole left-most label. Both in A-labels.
    """
    wanted, offered = host.lower().rstrip("."), pattern.lower().rstrip(".")
    if not offered.startswith("*."):
        return wanted == offered
    first, dot, rest = wanted.partition(".")
    return bool(first and dot) and rest == offered[2:] and "*" not in rest
