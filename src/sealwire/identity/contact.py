"""What happened on the way to a server and in its handshake, put into words: pure, as data."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from sealwire.identity.checkup import Ailment, Judgement, Remark, caution, failed, fault, note
from sealwire.x509.certificate import key_usages
from sealwire.x509.findings import plain_list
from sealwire.x509.hostnames import ip_address
from sealwire.x509.subject import dn_text, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from cryptography import x509

# Names that nobody expects in the public DNS (RFC 6761, 6762, 8375; .internal by ICANN).
_PRIVATE_SUFFIXES: Final = (
    "localhost", "local", "internal", "lan", "home", "corp", "intranet", "private", "home.arpa",
    "test", "example", "invalid",
)  # fmt: skip
_SHARED: Final = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598: between a provider and its NAT
_SHOWN_BYTES: Final = 60
_GREETINGS: Final[Sequence[tuple[bytes, str]]] = (
    (b"220 ", "SMTP or FTP"),
    (b"220-", "SMTP or FTP"),
    (b"* OK", "IMAP"),
    (b"+OK", "POP3"),
    (b"200 ", "NNTP"),
    (b"<?xml version", "XMPP"),
    (b"<stream:", "XMPP"),
)
_OLD: Final = frozenset({"SSLv2", "SSLv3", "TLSv1", "TLSv1.1"})


# -- the way there ---------------------------------------------------------------------------------


def judge_addresses(host: str, addresses: Sequence[str]) -> Judgement:
    """What the name resolves to; a private address behind a public-looking name is a caution."""
    found = plain_list(tuple(dict.fromkeys(addresses)))
    if ip_address(host) is not None or not _looks_public(host):
        return Judgement(found)
    private = [text for text in dict.fromkeys(addresses) if _is_private(text)]
    if not private:
        return Judgement(found)
    remark = caution(
        Ailment.DNS_PRIVATE,
        f"name resolves to a private address ({plain_list(private)}): NAT?",
        "from outside the network this name must lead to the public address, and the gateway must"
        " forward the port",
    )
    return Judgement(found, (remark,))


def _looks_public(host: str) -> bool:
    name = host.rstrip(".").lower()
    hidden = any(name == suffix or name.endswith(f".{suffix}") for suffix in _PRIVATE_SUFFIXES)
    return "." in name and not hidden


def _is_private(text: str) -> bool:
    address = ip_address(text.partition("%")[0])
    if address is None:
        return False
    shared = address.version == _SHARED.version and address in _SHARED
    return shared or address.is_private or address.is_loopback or address.is_link_local


def judge_connections(
    taken: Sequence[str], refusals: Mapping[str, Remark], chosen: str
) -> Judgement:
    """TCP to every address: ``taken`` ones, and why the others failed."""
    if not taken:
        return Judgement("", tuple({each.code: each for each in refusals.values()}.values()))
    remarks = tuple(
        caution(
            Ailment.TCP_SOME,
            f"{address} does not take connections: {remark.message}",
            "clients that try this address first wait or fail: correct the DNS or the server",
        )
        for address, remark in refusals.items()
    )
    return Judgement(chosen, remarks)


# -- no TLS ----------------------------------------------------------------------------------------


def no_tls(answer: bytes) -> Remark:
    """What a server speaks that answered a TLS greeting with these bytes."""
    text = answer.decode("utf-8", "replace")
    line = printable((text.splitlines() or [""])[0][:_SHOWN_BYTES])
    if answer.startswith(b"HTTP/"):
        return fault(
            Ailment.HTTP,
            f"server speaks plain text: HTTP without TLS ({line})",
            "use the server's TLS port for syslog (often 6514), not a web port",
        )
    for beginning, protocol in _GREETINGS:
        if answer.startswith(beginning):
            return fault(
                Ailment.STARTTLS,
                f"server speaks plain text: {protocol}, which wants STARTTLS first ({line})",
                "that is no syslog server: use the port of TLS syslog (often 6514)",
            )
    if _is_text(answer):
        return fault(
            Ailment.PLAIN_TEXT,
            f"server speaks plain text ({line})",
            "use the server's TLS port, or turn TLS on there",
        )
    return fault(
        Ailment.NOT_TLS,
        f"server answers with bytes that are no TLS ({answer[:16].hex(' ')})",
        "use the server's TLS port, or turn TLS on there",
    )


def _is_text(answer: bytes) -> bool:
    sample = answer[:_SHOWN_BYTES]
    plain = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in sample)  # noqa: PLR2004 - ASCII
    return plain >= len(sample) * 0.9


def silent(seconds: float) -> Remark:
    """No byte came."""
    return fault(
        Ailment.SILENT,
        f"server does not answer in TLS, and said nothing for {seconds:g} s: it speaks plain text"
        " (syslog without TLS is silent like this), or it hangs",
        "use the server's TLS port, or turn TLS on there; if it has TLS, look at its load",
    )


def unfinished(seconds: float) -> Remark:
    """Some bytes came, not all."""
    return fault(
        Ailment.UNFINISHED,
        f"server began the TLS handshake and did not finish it within {seconds:g} s",
        "look at the server's load, and for a device on the way that drops large packets",
    )


TOOK_PLAIN_TEXT: Final = fault(
    Ailment.PLAIN_TEXT,
    "server speaks plain text: it does not answer in TLS, and took a syslog message without it"
    " (or it hangs, and takes anything)",
    "use the server's TLS port, or turn TLS on there",
)

CLOSED: Final = fault(
    Ailment.CLOSED,
    "server closed the connection instead of answering in TLS",
    "it speaks plain text, admits only certain addresses, or has no certificate: look into its log",
)


def too_old(version: str, offered: str = "") -> Remark:
    """Only versions that nobody should speak."""
    what = f"{version} ({offered})" if offered else version
    return fault(
        Ailment.OLD_VERSION,
        f"server speaks only old TLS: {what}; TLS 1.2 or newer is needed",
        "turn TLS 1.2 or 1.3 on at the server",
    )


def no_common_cipher(version: str, cipher: str) -> Remark:
    """A version that is fine, with ciphers that are not."""
    return fault(
        Ailment.NO_CIPHER,
        f"no common cipher: the server takes {cipher} in {version}, which is not used here",
        "turn on a cipher with ECDHE and GCM at the server, such as ECDHE-RSA-AES128-GCM-SHA256",
    )


NO_CIPHER_AT_ALL: Final = fault(
    Ailment.HANDSHAKE_REFUSED,
    "server refuses the handshake, whatever version and cipher it is offered",
    "check that it has a certificate and key, and its TLS settings: its log says more",
)


def is_old(version: str) -> bool:
    """Whether a version, as OpenSSL names it, is older than TLS 1.2."""
    return version in _OLD


# -- the client certificate ------------------------------------------------------------------------


def not_shown(*, asked: bool | None, authorities: Sequence[str]) -> Judgement:
    """No certificate was shown and nothing objected."""
    if not asked:
        return Judgement("none shown, none asked for")
    remark = note(
        Ailment.CLIENT_WANTED,
        f"server wants a client certificate{_by(authorities)}, and goes on without one",
        "to show one, give --client-cert and --client-key",
    )
    return Judgement("none shown", (remark,))


def demanded(authorities: Sequence[str]) -> Judgement:
    """No certificate was shown, and that was the end."""
    return failed(
        fault(
            Ailment.CLIENT_REQUIRED,
            f"server wants a client certificate{_by(authorities)}, and none was shown",
            "show one: --client-cert and --client-key, or mutual authentication of a destination",
        )
    )


def shown(detail: str, *, asked: bool | None, own: Sequence[Remark]) -> Judgement:
    """A certificate was shown, as far as it was asked for, and nothing objected."""
    if asked is False:
        text = "server did not ask for a client certificate: whether it takes ours is not known"
        fix = "have the server demand client certificates, if senders shall prove who they are"
        return Judgement(detail, (caution(Ailment.CLIENT_NOT_ASKED, text, fix), *own))
    return Judgement(detail, tuple(own))


def refused(remark: Remark, own: Sequence[Remark], authorities: Sequence[str]) -> Judgement:
    """The server objected to the certificate; what is wrong with ours may be why."""
    if authorities and remark.code is Ailment.CLIENT_UNKNOWN_CA:
        text = f"{remark.message} (it takes those{_by(authorities)})"
        remark = Remark(remark.code, remark.severity, text, remark.fix)
    return Judgement("", (remark, *own))


def _by(authorities: Sequence[str]) -> str:
    return f" issued by {plain_list(tuple(authorities), 4)}" if authorities else ""


def judge_own(
    chain: Sequence[x509.Certificate], at: datetime, authorities: Sequence[str]
) -> list[Remark]:
    """What can be said of our own certificate before the server says it."""
    leaf = chain[0]
    label = dn_text(leaf.subject)
    remarks = []
    if at > leaf.not_valid_after_utc:
        text = f"our certificate {label} has expired, on {leaf.not_valid_after_utc:%Y-%m-%d}"
        remarks.append(caution(Ailment.CLIENT_EXPIRED, text, "renew it"))
    if at < leaf.not_valid_before_utc:
        text = f"our certificate {label} is not valid yet"
        remarks.append(caution(Ailment.CLIENT_EXPIRED, text, "check this machine's clock"))
    usages = key_usages(leaf)
    if usages is not None and CLIENT_AUTH not in {usage.dotted_string for usage in usages}:
        text = f"our certificate {label} lacks the extended key usage clientAuth"
        remarks.append(caution(Ailment.CLIENT_PURPOSE, text, "have it issued for a TLS client"))
    names = {dn_text(each.issuer) for each in chain}
    if authorities and names.isdisjoint(authorities):
        text = f"server names the CAs it takes{_by(authorities)}; ours is {dn_text(leaf.issuer)}"
        remarks.append(caution(Ailment.CLIENT_UNKNOWN_CA, text, "have the server trust our CA"))
    return remarks


CLIENT_AUTH: Final = "1.3.6.1.5.5.7.3.2"
