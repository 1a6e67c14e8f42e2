"""What it costs to take messages apart: CPU-seconds per million, by kind of message.

``python -m bench.parse [ROWS]``
"""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from sealwire.syslog.columns import parse_batch
from sealwire.syslog.parser import parse

if TYPE_CHECKING:
    from collections.abc import Callable

_RECEIVED_US = 1_772_400_000_000_000  # 2026-03-01T21:20:00Z
_ROUNDS = 5
_ALONE = 5_000


def _clock(number: int) -> str:
    return f"{14 + number // 3600 % 7:02}:{number // 60 % 60:02}:{number % 60:02}"


def _stamp(number: int) -> str:
    return f"2026-03-01T{_clock(number // 1000)}.{number * 7919 % 1_000_000:06}Z"


def plain(number: int) -> str:
    """RFC 5424 without structured data."""
    return (
        f"<134>1 {_stamp(number)} host{number % 200:03}.example.com app{number % 9}"
        f" {number % 30000} ID{number % 12} - request {number} of user{number * 31 % 5000}"
        f" took {number % 977} ms and was answered from the"
        " cache of the second node, which had it since the last restart"
    )


def dogtag(number: int) -> str:
    """A CA's audit event in RFC 5424."""
    return (
        f"<109>1 {_stamp(number)} ca{number % 3}.example.com sealwire 812 CERT_REQUEST_PROCESSED"
        f' [meta sequenceId="{number}"][origin ip="10.0.0.{number % 3}" software="sealwire"]'
        f'[tlog@32473 log="ca.example.com/audit" idx="{number * 3}"]'
        f" [AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=agent{number % 40}][Outcome=Success]"
        f"[ReqID={number}][CertSerialNum={number * 104729}] certificate request succeeded"
    )


def fmc(number: int) -> str:
    """A management center's audit line."""
    return (
        f"<190>Mar 01 {_clock(number // 1000)} fmc{number % 5} [FMC-AUDIT-LOG] Dev-MC{number % 7}:"
        f" admin{number % 30}@10.1.{number % 9}.{number % 250}, Operations > Monitoring, Page View"
    )


def sshd(number: int) -> str:
    """A login in RFC 3164."""
    return (
        f"<38>Mar  1 {_clock(number // 1000)} host{number % 200:03} sshd[{number % 30000}]:"
        f" Accepted publickey for user{number % 700} from 10.2.{number % 250}.{number % 199}"
        f" port {20000 + number % 40000} ssh2: ED25519 SHA256:{number * 2654435761 % 2**32:08x}"
    )


def sudo(number: int) -> str:
    """A command run as root, in RFC 5424."""
    return (
        f"<85>1 {_stamp(number)} host{number % 200:03} sudo {number % 30000} - -"
        f" user{number % 700} : TTY=pts/{number % 9} ; PWD=/home/user{number % 700} ; USER=root ;"
        f" COMMAND=/usr/bin/systemctl restart unit{number % 77}"
    )


def mixed(number: int) -> str:
    """35 % CA, 25 % management center, 25 % sshd, 15 % sudo."""
    place = number % 20
    if place < 7:
        return dogtag(number)
    if place < 12:
        return fmc(number)
    return sshd(number) if place < 17 else sudo(number)


def iso(number: int) -> str:
    """A login as rsyslog forwards it: RFC 3339 before the host."""
    return (
        f"<38>{_stamp(number)} host{number % 200:03} sshd[{number % 30000}]:"
        f" Accepted publickey for user{number % 700} from 10.2.{number % 250}.{number % 199}"
    )


def asa(number: int) -> str:
    """A firewall with RFC 5424's time, which is all it takes of it."""
    return f"<166>{_stamp(number)} asa{number % 9} : %ASA-3-710003: TCP access denied by ACL"


def asa_year(number: int) -> str:
    """A firewall with its own time, which has a year."""
    return (
        f"<166>Mar 01 2026 {_clock(number // 1000)} fw{number % 9} : %ASA-6-302013: Built outbound"
        f" TCP connection {number} for outside:198.51.100.{number % 250}/443"
        f" (198.51.100.{number % 250}/443) to inside:10.1.1.{number % 199}/{number % 40000}"
    )


def ios(number: int) -> str:
    """A switch with a sequence number and milliseconds."""
    return (
        f"<189>{number}: sw{number % 200}: *Mar  1 {_clock(number // 1000)}.{number % 1000:03}:"
        f" %LINEPROTO-5-UPDOWN: Line protocol on Interface GigabitEthernet1/0/{number % 48},"
        " changed state to up"
    )


def esxi(number: int) -> str:
    """A hypervisor's own service: what it says of itself stands before the text."""
    return (
        f"<166>{_stamp(number)[:23]}Z esx{number % 40}.example.com Hostd: info"
        f" hostd[{2100000 + number % 500}] [Originator@6876 sub=Vimsvc.TaskManager"
        f" opID={number * 2654435761 % 2**32:08x} user=vpxuser] Task Created :"
        f" haTask--vim.event.EventHistoryCollector.readNext-{number}"
    )


def fortigate(number: int) -> str:
    """A firewall without a header: pairs."""
    return (
        f'<189>date=2026-03-01 time={_clock(number // 1000)} devname="FGT{number % 9}"'
        f' devid="FGT60FTK20012345" logid="0000000013" type="traffic" subtype="forward"'
        f' level="notice" vd="root" tz="+0100" srcip=10.2.{number % 250}.{number % 199}'
        f' srcport={number % 60000} dstip=198.51.100.7 dstport=443 action="close" policyid=5'
    )


def written(number: int) -> str:
    """A login as rsyslog writes it to a file, from where some send it: without a PRI."""
    return iso(number)[4:]


_SHAPES: dict[str, Callable[[int], str]] = {
    "rfc5424 plain": plain,
    "dogtag": dogtag,
    "fmc": fmc,
    "sshd 3164": sshd,
    "sudo 5424": sudo,
    "mix": mixed,
    "iso": iso,
    "asa": asa,
    "asa year": asa_year,
    "ios": ios,
    "esxi": esxi,
    "fortigate": fortigate,
    "no pri": written,
}


def _cost(rows: int, work: Callable[[], object]) -> float:
    """CPU-seconds per million of ``rows``, the best of some rounds."""
    best = float("inf")
    for _ in range(_ROUNDS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best / rows * 1e6


def _alone(messages: list[bytes]) -> None:
    for message in messages:
        parse(message, _RECEIVED_US)


def main() -> None:
    """Print a line for each kind."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    pa.set_cpu_count(1)
    print(f"{'CPU-s per million':20}{'together':>10}{'alone':>10}{'bytes':>8}")
    for name, shape in _SHAPES.items():
        messages = [shape(number).encode() for number in range(rows)]
        raw = pa.array(messages, pa.binary())
        received = np.full(rows, _RECEIVED_US)
        together = _cost(rows, partial(parse_batch, raw, received))
        alone = _cost(min(rows, _ALONE), partial(_alone, messages[:_ALONE]))
        print(f"{name:20}{together:10.2f}{alone:10.2f}{raw.nbytes / rows:8.0f}")


if __name__ == "__main__":
    main()
