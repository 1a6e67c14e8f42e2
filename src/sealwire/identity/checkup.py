"""What a look at a TLS server brings to light: steps, remarks and plain fixes, as data.

Every remark has a stable code; what a code means stands beside it here. The command
``sealwire doctor``, the API and the test of a destination show the same steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sealwire.errors import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence


class Ailment(StrEnum):
    """Codes of what can be wrong with a server, or worth knowing."""

    # The way there
    DNS_FAILED = "dns.failed"  # the name has no address
    DNS_PRIVATE = "dns.private_address"  # a public-looking name with a private address: NAT?
    TCP_REFUSED = "tcp.refused"  # nothing listens
    TCP_TIMEOUT = "tcp.timeout"  # no answer: a firewall drops it, or the host is down
    TCP_UNREACHABLE = "tcp.unreachable"  # no route
    TCP_RESET = "tcp.reset"  # cut at once
    TCP_FAILED = "tcp.failed"  # any other error of the operating system
    TCP_SOME = "tcp.some_addresses"  # some of the addresses do not take connections
    # TLS
    PLAIN_TEXT = "tls.plain_text"  # answers in text
    HTTP = "tls.http"  # answers in HTTP without TLS
    STARTTLS = "tls.starttls"  # a mail or file server that wants STARTTLS first
    NOT_TLS = "tls.not_tls"  # answers with bytes that are no TLS
    SILENT = "tls.silent"  # says nothing: plain text syslog does so, and a server that hangs
    CLOSED = "tls.closed"  # closed or cut before it said anything in TLS
    UNFINISHED = "tls.timeout"  # began the handshake, never ended it
    OLD_VERSION = "tls.old_version"  # nothing newer than TLS 1.1
    NO_CIPHER = "tls.no_common_cipher"  # TLS 1.2, but only with ciphers that are not used here
    HANDSHAKE_REFUSED = "tls.handshake_refused"  # refused, and no milder offer helped
    UNKNOWN_NAME = "tls.unrecognized_name"  # does not know the name that it was asked for
    TLS_FAILED = "tls.failed"  # anything else that OpenSSL reports
    # The chain as it was sent
    NO_CERTIFICATE = "chain.no_certificate"
    UNREADABLE = "chain.unreadable"
    NO_INTERMEDIATE = "chain.no_intermediate"  # the leaf alone, its issuer unknown here
    UNKNOWN_CA = "chain.unknown_ca"  # ends at an issuer that is neither sent nor trusted
    ISSUER_OTHER_KEY = "chain.issuer_other_key"  # the issuer's name is known with another key
    SELF_SIGNED = "chain.self_signed"  # the leaf is its own issuer, and not trusted
    ORDER_WRONG = "chain.order_wrong"
    ROOT_INCLUDED = "chain.root_included"
    DUPLICATE = "chain.duplicate"
    STRANGER = "chain.stranger"
    NOT_A_CA = "chain.not_a_ca"
    WRONG_PURPOSE = "chain.purpose"  # extended key usage without serverAuth
    REFUSED = "chain.refused"  # the verifier's own words
    # Its leaf, and what signed it
    NAME_MISMATCH = "name.mismatch"
    COMMON_NAME_ONLY = "name.common_name_only"  # only the common name has it: clients ignore that
    EXPIRED = "validity.expired"
    NOT_YET_VALID = "validity.not_yet_valid"
    ISSUER_EXPIRED = "validity.issuer_expired"
    EXPIRES_SOON = "validity.expires_soon"
    OUTLIVES_ISSUER = "validity.outlives_issuer"
    WEAK_KEY = "strength.weak_key"
    WEAK_SIGNATURE = "strength.weak_signature"
    REVOKED = "revocation.revoked"
    NO_LIST = "revocation.no_list"  # lists are there, none by this issuer
    STALE_LIST = "revocation.stale"
    LIST_UNVERIFIED = "revocation.unverified"  # by this issuer's name, not by its key
    # What we show
    CLIENT_REQUIRED = "client.required"  # wants a client certificate, none was shown
    CLIENT_WANTED = "client.wanted"  # asks for one, takes none as well
    CLIENT_NOT_ASKED = "client.not_asked"  # was not asked for ours
    CLIENT_REFUSED = "client.refused"
    CLIENT_UNKNOWN_CA = "client.unknown_ca"
    CLIENT_EXPIRED = "client.expired"
    CLIENT_PURPOSE = "client.purpose"
    CLIENT_REVOKED = "client.revoked"
    CLIENT_CLOSED = "client.closed"  # asked for ours, then hung up without a word
    # The message, and the end
    MESSAGE_REFUSED = "message.refused"  # answered with an alert
    MESSAGE_CLOSED = "message.closed"  # hung up on it
    CLOSE_UNCLEAN = "close.unclean"  # TCP ended without close_notify
    CLOSE_UNANSWERED = "close.unanswered"  # our close_notify was not answered in time


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing seen: an ``ERROR`` fails its step, a ``WARNING`` marks it, an ``INFO`` explains."""

    code: Ailment
    severity: Severity
    message: str
    fix: str = ""


class Outcome(StrEnum):
    """How a step ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a step found: what was seen, and what is to be said about it.

    ``skipped`` says why the step was not made, or is empty.
    """

    detail: str = ""
    remarks: tuple[Remark, ...] = ()
    skipped: str = ""

    @property
    def outcome(self) -> Outcome:
        """The worst remark decides."""
        if self.skipped:
            return Outcome.SKIPPED
        severities = {remark.severity for remark in self.remarks}
        if Severity.ERROR in severities:
            return Outcome.FAILED
        return Outcome.WARNING if Severity.WARNING in severities else Outcome.OK


class StepName(StrEnum):
    """The steps in their order; the values are shown."""

    DNS = "host name"
    TCP = "tcp connection"
    TLS = "tls handshake"
    CHAIN = "server certificate"
    NAME = "server name"
    VALIDITY = "validity"
    STRENGTH = "key and signature"
    REVOCATION = "revocation"
    CLIENT = "client certificate"
    MESSAGE = "message accepted"
    CLOSE = "session closed"


REACHING: Final = frozenset({StepName.DNS, StepName.TCP})


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One step and how long it took."""

    name: StepName
    judgement: Judgement
    milliseconds: float = 0.0

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        return self.judgement.outcome


@dataclass(frozen=True, slots=True)
class Checkup:
    """The whole look at ``host:port``: every step, also those that could not be made."""

    host: str
    port: int
    steps: tuple[CheckStep, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether no step failed."""
        return all(step.outcome is not Outcome.FAILED for step in self.steps)

    @property
    def unreachable(self) -> bool:
        """Whether there was no connection at all."""
        return any(step.outcome is Outcome.FAILED for step in self.steps if step.name in REACHING)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """All of them, in the order of the steps."""
        return tuple(remark for step in self.steps for remark in step.judgement.remarks)


def fault(code: Ailment, message: str, fix: str = "") -> Remark:
    """A remark that fails its step."""
    return Remark(code, Severity.ERROR, message, fix)


def caution(code: Ailment, message: str, fix: str = "") -> Remark:
    """A remark that should be read."""
    return Remark(code, Severity.WARNING, message, fix)


def note(code: Ailment, message: str, fix: str = "") -> Remark:
    """A remark that explains."""
    return Remark(code, Severity.INFO, message, fix)


def failed(remark: Remark) -> Judgement:
    """A step that failed for one reason."""
    return Judgement("", (remark,))


def skipped(why: str) -> Judgement:
    """A step that was not made."""
    return Judgement(skipped=why)


def worst(remarks: Sequence[Remark]) -> Remark | None:
    """The first of the gravest, or None."""
    for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO):
        for remark in remarks:
            if remark.severity is severity:
                return remark
    return None


def checkup_document(checkup: Checkup) -> dict[str, object]:
    """The JSON shape that command and API share. ``code`` and ``fix`` are the gravest remark's."""
    return {
        "host": checkup.host,
        "port": checkup.port,
        "ok": checkup.ok,
        "reachable": not checkup.unreachable,
        "steps": [_step_document(step) for step in checkup.steps],
        "findings": [_remark_document(remark) for remark in checkup.remarks],
    }


def _step_document(step: CheckStep) -> dict[str, object]:
    gravest = worst(step.judgement.remarks)
    return {
        "name": step.name.value,
        "outcome": step.outcome.value,
        "milliseconds": round(step.milliseconds, 1),
        "detail": step.judgement.detail or step.judgement.skipped,
        "code": gravest.code.value if gravest else "",
        "fix": gravest.fix if gravest else "",
        "findings": [_remark_document(remark) for remark in step.judgement.remarks],
    }


def _remark_document(remark: Remark) -> dict[str, str]:
    return {
        "code": remark.code.value,
        "severity": remark.severity.value,
        "message": remark.message,
        "fix": remark.fix,
    }
