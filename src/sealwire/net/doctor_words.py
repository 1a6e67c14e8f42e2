"""What sockets and OpenSSL report while a server is looked at, as remarks."""

from __future__ import annotations

import re
import socket
import ssl
from typing import TYPE_CHECKING, Final

from sealwire.appliance.forwarder import PEER_CLOSED
from sealwire.identity import contact
from sealwire.identity.checkup import Ailment, fault
from sealwire.net.dial import socket_fault
from sealwire.net.plain_probe import TLS_RECORDS
from sealwire.net.tls_faults import tls_fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealwire.identity.checkup import Remark
    from sealwire.net.tls_trial import Quiet, Trial

_REST_OF_LINE_S: Final = 0.3
_ALERT: Final = re.compile(r"(?:TLSV1|SSLV3|TLSV13)_ALERT_(\w+)")
_LOOK_AT_SETUP: Final = "look into the server's log: often it has no usable certificate or key"
_TIMEOUT_FIX: Final = "check host, port, that the machine is up, and the firewalls on the way"

# Alerts (RFC 8446 section 6) as OpenSSL's reasons name them.
_ALERTS: Final[Mapping[str, Ailment]] = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": Ailment.CLIENT_REQUIRED,
    "TLSV1_ALERT_UNKNOWN_CA": Ailment.CLIENT_UNKNOWN_CA,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": Ailment.CLIENT_EXPIRED,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": Ailment.CLIENT_PURPOSE,
    "SSLV3_ALERT_CERTIFICATE_REVOKED": Ailment.CLIENT_REVOKED,
    "SSLV3_ALERT_BAD_CERTIFICATE": Ailment.CLIENT_REFUSED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": Ailment.CLIENT_REFUSED,
    "TLSV1_ALERT_ACCESS_DENIED": Ailment.CLIENT_REFUSED,
    "TLSV1_ALERT_DECRYPT_ERROR": Ailment.CLIENT_REFUSED,
}


def no_way(error: OSError) -> Remark:
    """Why there is no address or no connection."""
    if isinstance(error, TimeoutError):
        text = "the server did not answer the connection request in time"
        return fault(Ailment.TCP_TIMEOUT, text, _TIMEOUT_FIX)
    said = socket_fault(error)
    if isinstance(error, socket.gaierror):
        return fault(Ailment.DNS_FAILED, said.message, said.hint)
    known = {code.value: code for code in Ailment}
    return fault(known.get(said.code, Ailment.TCP_FAILED), said.message, said.hint)


def handshake_remark(trial: Trial, seconds: float, server_name: str) -> Remark:
    """Why a handshake failed before the server had sent its certificate."""
    error = trial.error
    if trial.first and trial.first[0] not in TLS_RECORDS:
        return contact.no_tls(trial.more(_REST_OF_LINE_S))
    if isinstance(error, TimeoutError):
        return contact.unfinished(seconds) if trial.first else contact.silent(seconds)
    if not isinstance(error, ssl.SSLError):
        return contact.CLOSED
    said = tls_fault(error, server_name)
    alert = _ALERT.match(error.reason or "")
    if alert is not None and said.code == "tls.failed":
        words = alert.group(1).lower().replace("_", " ")
        text = f"server ended the handshake with the alert: {words}"
        return fault(Ailment.TLS_FAILED, text, _LOOK_AT_SETUP)
    known = {
        "tls.version": contact.too_old("no version that is allowed here"),
        "tls.handshake_refused": contact.NO_CIPHER_AT_ALL,
        "tls.unrecognized_name": fault(
            Ailment.UNKNOWN_NAME, said.message, "connect by a name that the server knows"
        ),
        PEER_CLOSED: contact.CLOSED,
    }
    return known.get(said.code) or fault(Ailment.TLS_FAILED, said.message, said.hint)


def objection(heard: OSError | Quiet) -> Remark:
    """What a server said, or did without a word, once it had our certificate or our message."""
    if not isinstance(heard, ssl.SSLError):
        how = f" ({socket_fault(heard).message})" if isinstance(heard, OSError) else ""
        return fault(
            Ailment.CLIENT_CLOSED,
            f"the server asked for our client certificate, then closed the connection{how}",
            "it refused the certificate, or the sender's address: look into the server's log",
        )
    said = tls_fault(heard, "")
    code = _ALERTS.get(heard.reason or "", Ailment.TLS_FAILED)
    return fault(code, said.message, said.hint)


HUNG_UP: Final = fault(
    Ailment.MESSAGE_CLOSED,
    "server closed the connection right after the handshake, before any message was sent",
    "it may admit only certain addresses, or be full: look into the server's log",
)


def gave_reason(heard: OSError | Quiet) -> bool:
    """Whether the server gave a reason, an alert, and did not just hang up."""
    return isinstance(heard, ssl.SSLError) and not isinstance(heard, ssl.SSLEOFError)


def about_message(heard: OSError | Quiet, remark: Remark) -> Remark:
    """What a server did when our message came; ``remark`` is its reason."""
    look = "look into the server's log: it may want another format or framing, or refuse us"
    if isinstance(heard, ssl.SSLError):
        text = f"server answered the message with an alert: {remark.message}"
        return fault(Ailment.MESSAGE_REFUSED, text, look)
    if isinstance(heard, OSError):
        text = f"server cut the connection when the message came ({socket_fault(heard).message})"
        return fault(Ailment.MESSAGE_CLOSED, text, look)
    return fault(Ailment.MESSAGE_CLOSED, "server closed the connection when the message came", look)
