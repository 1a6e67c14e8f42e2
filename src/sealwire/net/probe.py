"""Tests a destination as the forwarder would use it, step by step, each timed.

In TLS 1.3 the client's handshake is done before the server has judged the client's certificate,
so the last step sends a message and then listens for a while: only silence, or the server's own
good manners, count as acceptance.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.appliance.delivery import Fault, ProbeReport, ProbeStep
from sealwire.appliance.forwarder import PEER_CLOSED
from sealwire.errors import SealwireError
from sealwire.net.client_tls import client_context
from sealwire.net.dial import resolve, socket_fault
from sealwire.net.peek import server_names
from sealwire.net.tls_faults import NAME_MISMATCH, tls_fault
from sealwire.syslog.framing import encode_octet_frame
from sealwire.syslog.rfc5424 import SyslogMessage, build_message
from sealwire.x509.certificate import certificate_names
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.appliance.ports import Destination
    from sealwire.clock import Clock
    from sealwire.net.client_tls import ClientIdentity

_GOODBYE_S: Final = 1.0
_LOG_AUDIT: Final = 13
_INFORMATIONAL: Final = 6
_NOT_INSTALLED: Final = Fault(
    "identity.missing",
    "no audit log client certificate is installed",
    "generate a CSR, have it signed and import the certificate",
)


_CLOSED: Final = Fault(
    "peer.closed_after_handshake",
    "the server closed the connection right after the handshake",
    "it may have refused our client certificate: look into the server's log",
)
_SILENT_TCP: Final = Fault(
    "tcp.timeout",
    "the server did not answer the connection request in time",
    "check host, port and the firewalls on the way",
)
_SILENT_TLS: Final = Fault(
    "tls.timeout",
    "the server did not finish the TLS handshake in time",
    "the port may not speak TLS, or the server may be overloaded",
)
# OpenSSL judges certificate and name inside the handshake; the report names what was judged.
_STEP_OF_FAULT: Final = {
    NAME_MISMATCH: "server name",
    "tls.unknown_ca": "server certificate",
    "tls.self_signed": "server certificate",
    "tls.expired": "server certificate",
    "tls.not_yet_valid": "server certificate",
    "tls.purpose": "server certificate",
    "tls.client_refused": "client certificate accepted",
    "tls.client_certificate_required": "client certificate accepted",
    "peer.closed_after_handshake": "client certificate accepted",
}


class _StepFailedError(Exception):
    """Ends a test; carries the plain words."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class DestinationProbe:
    """Fills ``appliance.delivery.Probe``.

    ``host_name`` gives the HOSTNAME of the test message, ``listen`` is how many seconds a late
    refusal is waited for.
    """

    def __init__(
        self,
        clock: Clock,
        identity: Callable[[], ClientIdentity | None],
        *,
        host_name: Callable[[], str],
        timeout: float = 10.0,
        listen: float = 1.0,
    ) -> None:
        self._clock = clock
        self._identity = identity
        self._host_name = host_name
        self._timeout = timeout
        self._listen = listen

    def probe(self, destination: Destination) -> ProbeReport:
        """Every step up to the first that fails."""
        run = _Run(destination, self._clock, self._timeout)
        try:
            self._walk(run, destination)
        except _StepFailedError:
            pass  # The failed step is in the report.
        finally:
            run.close()
        return ProbeReport(destination.name, tuple(run.steps))

    def _walk(self, run: _Run, destination: Destination) -> None:
        run.step("client certificate", lambda: run.choose(self._own(destination)))
        run.step("host name", run.look_up)
        run.step("tcp connection", run.connect)
        run.step("tls handshake", run.shake_hands)
        run.step("server certificate", run.describe_server)
        run.step("message accepted", lambda: run.send(self._message(), self._listen))

    def _own(self, destination: Destination) -> ClientIdentity | None:
        if not destination.mutual:
            return None
        identity = self._identity()
        if identity is None:
            raise _StepFailedError(_NOT_INSTALLED)
        return identity

    def _message(self) -> bytes:
        message = SyslogMessage(
            facility=_LOG_AUDIT,
            severity=_INFORMATIONAL,
            timestamp=self._clock.now(),
            hostname=self._host_name(),
            app_name="sealwire-appliance",
            process_id=None,
            message_id="DESTINATION_TEST",
            message=b"test message of the audit log destination",
        )
        return encode_octet_frame(build_message(message))


class _Run:
    """One test: its socket, and its steps so far."""

    def __init__(self, destination: Destination, clock: Clock, timeout: float) -> None:
        self.steps: list[ProbeStep] = []
        self._destination = destination
        self._clock = clock
        self._timeout = timeout
        self._context: ssl.SSLContext | None = None
        self._addresses: Sequence[tuple[int, tuple[str, int]]] = ()
        self._address: tuple[str, int] = ("", 0)
        self._socket: socket.socket | None = None
        self._tls: ssl.SSLSocket | None = None

    def close(self) -> None:
        """Close what is open."""
        for connection in (self._tls, self._socket):
            if connection is not None:
                connection.close()

    def step(self, name: str, work: Callable[[], str]) -> None:
        """Do one step and write it down. Raises _StepFailedError when it fails."""
        begun = self._clock.monotonic()
        fault, detail = None, ""
        try:
            detail = work()
        except _StepFailedError as failure:
            fault = failure.fault
        except SealwireError as error:
            fault = Fault(error.code, error.message, error.hint)
        except OSError as error:
            fault = self._explained(error)
        took = (self._clock.monotonic() - begun) * 1000
        if fault is None:
            self.steps.append(ProbeStep(name, ok=True, milliseconds=took, detail=detail))
            return
        named = _STEP_OF_FAULT.get(fault.code, name)
        self.steps.append(ProbeStep(named, False, took, fault.message, fault.hint))  # noqa: FBT003
        raise _StepFailedError(fault)

    def choose(self, identity: ClientIdentity | None) -> str:
        """Make the TLS context; say which certificate will be shown."""
        self._context = client_context(self._destination.trust_pem, identity)
        if identity is None:
            return "none is shown: mutual authentication is off"
        leaf = x509.load_pem_x509_certificate(identity.chain_pem.encode())
        return f"{dn_text(leaf.subject)}, valid until {leaf.not_valid_after_utc:%Y-%m-%d}"

    def look_up(self) -> str:
        """Resolve the host."""
        self._addresses = resolve(self._destination.host, self._destination.port)
        return ", ".join(dict.fromkeys(address[0] for _, address in self._addresses))

    def connect(self) -> str:
        """Open a connection to the first address that takes one."""
        last: OSError = OSError("the host name has no address")
        for family, address in self._addresses:
            connection = socket.socket(family, socket.SOCK_STREAM)
            connection.settimeout(self._timeout)
            try:
                connection.connect(address)
            except OSError as error:
                connection.close()
                last = error
                continue
            self._socket, self._address = connection, address
            return f"{address[0]} port {address[1]}"
        raise last

    def shake_hands(self) -> str:
        """TLS, with the server's chain and name verified."""
        assert self._context is not None  # noqa: S101 - the first step
        assert self._socket is not None  # noqa: S101 - the step before
        self._tls = self._context.wrap_socket(
            self._socket,
            server_hostname=self._destination.server_name,
            suppress_ragged_eofs=False,
        )
        cipher = self._tls.cipher()
        return f"{self._tls.version()} {cipher[0] if cipher else ''}".strip()

    def describe_server(self) -> str:
        """Whom the server proved to be."""
        assert self._tls is not None  # noqa: S101 - the step before
        der = self._tls.getpeercert(binary_form=True)
        if der is None:
            raise OSError(0, "the server showed no certificate")
        leaf = x509.load_der_x509_certificate(der)
        names = ", ".join(certificate_names(leaf))
        until = f"{leaf.not_valid_after_utc:%Y-%m-%d}"
        return f"{dn_text(leaf.subject)} for {names}, valid until {until}"

    def send(self, frame: bytes, listen: float) -> str:
        """Send a message, then listen for a refusal."""
        tls = self._tls
        assert tls is not None  # noqa: S101 - two steps before
        try:
            tls.sendall(frame)
        except OSError:
            # The refusal may have been faster than we; what the server said is still to be read.
            self._hear(tls, listen)
            raise
        self._hear(tls, listen)
        tls.settimeout(_GOODBYE_S)
        with suppress(OSError):  # The message was taken; how the goodbye goes is no matter.
            tls.unwrap()
        return f"{len(frame)} bytes sent, no objection within {listen:g} s"

    def _hear(self, tls: ssl.SSLSocket, listen: float) -> None:
        until = self._clock.monotonic() + listen
        while (rest := until - self._clock.monotonic()) > 0:
            tls.settimeout(rest)
            try:
                if not tls.recv(4096):
                    raise _StepFailedError(_CLOSED)
            except TimeoutError:
                return

    def _explained(self, error: OSError) -> Fault:
        if isinstance(error, TimeoutError):
            return _SILENT_TLS if self._socket is not None else _SILENT_TCP
        if not isinstance(error, ssl.SSLError):
            return socket_fault(error)
        server_name = self._destination.server_name
        fault = tls_fault(error, server_name)
        if fault.code == NAME_MISMATCH:
            return tls_fault(error, server_name, server_names(self._address, server_name))
        return _CLOSED if fault.code == PEER_CLOSED and self._tls is not None else fault
