"""Lines as real devices send them, every one different: for measuring, not for judging parsers.

Five families in turn: a Dogtag CA's signed audit log, a firewall management centre's audit line,
sshd, sudo, and RFC 5424 with structured data. Users, addresses, numbers and times vary by the
line's number, by arithmetic alone, so that every run sends the same.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_USERS: Final = ("admin", "alice", "backup", "carol", "deploy", "jsmith", "operator", "svc-scan")
_PAGES: Final = ("Login", "Audit Log", "Policies > Access Control", "Deployment", "Health > Alerts")
_COMMANDS: Final = ("/usr/bin/systemctl restart nginx", "/bin/cat /etc/shadow", "/usr/bin/apt-get")


def line(number: int, moment: datetime) -> bytes:
    """The line with that number, as of ``moment`` (UTC)."""
    family = (_dogtag, _management_centre, _sshd, _sudo, _structured)[number % 5]
    spread = (number * 2654435761) % (1 << 32)
    return family(number, spread, moment).encode("utf-8")


def lines(first: int, count: int, start: datetime) -> Iterator[bytes]:
    """``count`` lines from number ``first`` on, a millisecond apart."""
    for number in range(first, first + count):
        yield line(number, start + timedelta(milliseconds=number - first))


def _address(spread: int) -> str:
    return f"10.{spread % 200}.{spread // 200 % 250}.{spread // 50_000 % 250}"


def _stamp(moment: datetime) -> str:
    """RFC 3164: the day of the month is padded with a space."""
    return f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S}"


def _dogtag(number: int, spread: int, moment: datetime) -> str:
    event = ("Approved", "Success", "succeeded") if spread % 4 else ("x", "Failure", "failed")
    return (
        f"<86>1 {moment:%Y-%m-%dT%H:%M:%S.%f}Z ca{spread % 9}.example.test pki-tomcatd {number}"
        f" - - 0.https-jsse-nio-8443-exec-{spread % 25} - [{moment:%d/%b/%Y:%H:%M:%S} UTC] [14] [6]"
        f" [AuditEvent=CERT_REQUEST_PROCESSED][SubjectID={_USERS[spread % 8]}]"
        f"[Outcome={event[1]}][ReqID={number}][CertSerialNum={spread}]"
        f" certificate request {event[2]}"
    )


def _management_centre(number: int, spread: int, moment: datetime) -> str:
    return (
        f"<142>{_stamp(moment)} fmc{spread % 5}: [FMC-AUDIT] sfdccsm: {_USERS[spread % 8]}@"
        f"{_address(spread)}, {_PAGES[spread % 5]}, Page View, object {number}"
    )


def _sshd(number: int, spread: int, moment: datetime) -> str:
    how = "Accepted publickey" if spread % 3 else "Failed password"
    return (
        f"<38>{_stamp(moment)} bastion{spread % 40} sshd[{number % 60_000 + 400}]: {how} for"
        f" {_USERS[spread % 8]} from {_address(spread)} port {spread % 60_000 + 1024} ssh2"
    )


def _sudo(number: int, spread: int, moment: datetime) -> str:
    return (
        f"<85>{_stamp(moment)} web{spread % 60} sudo[{number % 60_000 + 400}]:"
        f" {_USERS[spread % 8]} : TTY=pts/{spread % 9} ; PWD=/home/{_USERS[spread % 8]} ; USER=root"
        f" ; COMMAND={_COMMANDS[spread % 3]}"
    )


def _structured(number: int, spread: int, moment: datetime) -> str:
    return (
        f"<{spread % 192}>1 {moment:%Y-%m-%dT%H:%M:%S.%f}+00:00 app{spread % 30}.example.test"
        f' orders {number % 60_000} ID{spread % 50} [meta sequenceId="{number}"]'
        f'[request@32473 method="POST" path="/v1/orders/{spread}" status="{200 + spread % 5}"'
        f' peer="{_address(spread)}"] order {spread:08x} was taken in {spread % 900} ms'
    )
