"""A CRL of many entries, and OCSP answers: ``python -m bench.crl [ENTRIES]``.

Fills a SQLite home with certificates that are all revoked, then measures what a node does with
them: reading the entries, building and signing, publishing whole (reading, building, signing,
durable with its audit record), and handing out the latest. Beside it, OCSP answers a second on one
core. The target is 100,000 entries in under two seconds.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from sealwire.bootstrap.compose import lay_foundation
from sealwire.bootstrap.home import Home
from sealwire.bootstrap.roles import running_roles
from sealwire.ca.crl import build_crl
from sealwire.ca.ports import RequestStatus, RequestType, RevocationReason
from sealwire.ca.publication import CrlName
from sealwire.ca.register import issuing_certificate, own_certificates
from sealwire.ca.review import stored_certificate
from sealwire.ca.setup import SetupPlan
from sealwire.clock import SystemClock, SystemRandom
from sealwire.config.node import checked_config
from sealwire.x509.keys import KeyType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.bootstrap.compose import Foundation
    from sealwire.bootstrap.roles import Roles
    from sealwire.ca.ports import CaTx

ENTRIES: Final = 100_000
KEYS: Final = (KeyType.P256, KeyType.RSA2048)
ROUNDS: Final = 3
ANSWERS: Final = 2_000
DAY: Final = timedelta(days=1)
_CHUNK: Final = 5_000
_REASONS: Final = [
    each for each in RevocationReason if each is not RevocationReason.REMOVE_FROM_CRL
]


def main(words: Sequence[str]) -> None:
    """Print one JSON object for each key type."""
    count = int(words[0]) if words else ENTRIES
    for kind in KEYS:
        with TemporaryDirectory() as folder:
            print(json.dumps(measured(Path(folder), kind, count)), flush=True)


def measured(folder: Path, kind: KeyType, count: int) -> dict[str, float | int | str]:
    """Seconds of each step, the best of three rounds, and the CRL's size."""
    Home(folder / "home").create()
    base = lay_foundation(checked_config(home=folder / "home", roles={"ca"}))
    try:
        roles = running_roles(base, None)
        ca, publisher = roles.ca, roles.services.status_publisher
        if ca is None or publisher is None:
            raise RuntimeError("this node has no CA")
        ca.initialise(SetupPlan(key_type=kind))
        fill(base, count)
        key_id = base.store.read(own_certificates).issuing_key_id
        now = base.clock.now()
        read = timed(lambda: base.store.read(lambda tx: tx.revoked_entries(key_id, now=now)))
        issuing = issuing_certificate(base.store.read(own_certificates))
        entries = base.store.read(lambda tx: tx.revoked_entries(key_id, now=now))
        signer = base.signing.signer(key_id)
        build = timed(
            lambda: build_crl(
                issuing, signer, entries, number=1, this_update=now, next_update=now + DAY
            )
        )
        publish = timed(lambda: publisher.publish_crl(CrlName.ISSUING))
        fetch = timed(publisher.crl)
        crl = publisher.crl()
        return {
            "key": kind.value,
            "entries": crl.entries,
            "bytes": len(crl.der),
            "read_s": round(read[0], 3),
            "read_cpu_s": round(read[1], 3),
            "build_s": round(build[0], 3),
            "build_cpu_s": round(build[1], 3),
            "publish_s": round(publish[0], 3),
            "publish_cpu_s": round(publish[1], 3),
            "fetch_s": round(fetch[0], 6),
            "ocsp_per_cpu_second": round(ocsp_rate(roles)),
        }
    finally:
        base.close()


def timed(step: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock and of CPU of the quickest of the rounds."""
    clock, rounds = SystemClock(), []
    for _ in range(ROUNDS):
        begun, before = clock.monotonic(), process_time()
        step()
        rounds.append((clock.monotonic() - begun, process_time() - before))
    return min(rounds)


def fill(base: Foundation, count: int) -> None:
    """``count`` revoked certificates like the one that is there, under numbers of their own."""
    random, now = SystemRandom(), base.clock.now()

    def chunk(tx: CaTx) -> None:
        issued = tx.find_certificates(start=0, limit=1)[0]
        request = tx.request(issued.request_id)
        if request is None:
            raise RuntimeError("a certificate without a request")
        for position in range(_CHUNK):
            number = tx.next_request_id()
            serial = int.from_bytes(random.token_bytes(20), "big") >> 1
            row = replace(
                request,
                request_id=number,
                serial=serial,
                status=RequestStatus.COMPLETE,
                request_type=RequestType.ENROLLMENT,
            )
            tx.insert_request(row)
            certificate = replace(
                issued,
                serial=serial,
                request_id=number,
                der=serial.to_bytes(20, "big"),
                subject="",
                revoked=now,
                revoked_by="bench",
                revocation_reason=_REASONS[position % len(_REASONS)],
            )
            tx.insert_certificate(certificate)

    for _ in range(0, count, _CHUNK):
        base.store.run(chunk)


def ocsp_rate(roles: Roles) -> float:
    """Answers for one CPU second, without a nonce, the state read from SQLite for each."""
    base, publisher = roles.base, roles.services.status_publisher
    if publisher is None:
        raise RuntimeError("this node has no CA")
    issuing = issuing_certificate(base.store.read(own_certificates))
    row = base.store.read(lambda tx: tx.find_certificates(start=0, limit=1)[0])
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        stored_certificate(row.der), issuing, hashes.SHA256()
    )
    request = builder.build().public_bytes(Encoding.DER)
    publisher.ocsp(request)
    begun = process_time()
    for _ in range(ANSWERS):
        publisher.ocsp(request)
    return ANSWERS / (process_time() - begun)


if __name__ == "__main__":
    main(sys.argv[1:])
