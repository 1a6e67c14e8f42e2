"""How long building a chain takes among 1,000 candidate certificates, once they are parsed.

    .venv/bin/python -m bench.chain [--repeat 20]

Three bags: a crowd of strangers, one intermediate in hundreds of generations, and a mesh of CAs
that have cross-signed each other. Reading (PEM to certificates) is timed apart; times are those of
this process, not of the machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sealwire.x509.bundle import read_bundle
from sealwire.x509.certificate import certificate_pem
from sealwire.x509.chain import build_chain

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 21, tzinfo=UTC)
HOST = "gw.example.com"
CANDIDATES = 1_000
TARGET = 0.05


class Authority:
    """A name and a key that sign."""

    def __init__(self, name: str) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())

    def sign(self, who: Authority, *, days: int = 900, host: str | None = None) -> bytes:
        """A certificate for ``who``, PEM: a CA's, or with ``host`` a server's."""
        own, issuer = who.key.public_key(), self.key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(who.name)
            .issuer_name(self.name)
            .public_key(own)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=30))
            .not_valid_after(NOW + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(own), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False
            )
        )
        if host is not None:
            server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
            builder = builder.add_extension(server, critical=False)
            san = x509.SubjectAlternativeName([x509.DNSName(host)])
            builder = builder.add_extension(san, critical=False)
        return certificate_pem(builder.sign(self.key, hashes.SHA256()))


def strangers() -> list[bytes]:
    """One chain of four among CAs and servers that have nothing to do with it."""
    root, middle, issuing = (Authority(name) for name in ("Root", "Middle", "Issuing"))
    chain = [
        issuing.sign(Authority("leaf"), host=HOST),
        middle.sign(issuing),
        root.sign(middle),
        root.sign(root),
    ]
    others = [Authority(f"Stranger {number}") for number in range(10)]
    crowd = []
    for number in range(CANDIDATES - len(chain)):
        signer = others[number % len(others)]
        host = f"host{number}.example.net" if number % 2 else None
        crowd.append(signer.sign(Authority(f"Other {number}"), host=host))
    return chain + crowd


def generations() -> list[bytes]:
    """One intermediate, renewed with the same key hundreds of times, all but one run out."""
    root, issuing = Authority("Root"), Authority("Issuing")
    old = [root.sign(issuing, days=-1 - number % 20) for number in range(CANDIDATES - 3)]
    leaf = issuing.sign(Authority("leaf"), host=HOST)
    return [leaf, *old, root.sign(issuing), root.sign(root)]


def mesh() -> list[bytes]:
    """CAs that have each signed every other one."""
    authorities = [Authority(f"CA {number}") for number in range(32)]
    crossed = [one.sign(other) for one in authorities for other in authorities if one is not other]
    return [
        authorities[0].sign(Authority("leaf"), host=HOST),
        *crossed[: CANDIDATES - 2],
        authorities[-1].sign(authorities[-1]),
    ]


BAGS: dict[str, Callable[[], list[bytes]]] = {
    "strangers": strangers,
    "generations": generations,
    "mesh": mesh,
}


def measure(bag: list[bytes], repeat: int) -> tuple[int, float, list[float]]:
    """Certificates in the bag, seconds to read it, seconds of each building."""
    started = time.process_time()
    bundle = read_bundle([("bag.pem", b"".join(bag))])
    reading = time.process_time() - started
    seconds = []
    for _ in range(repeat):
        started = time.process_time()
        build_chain(bundle.certificates, at=NOW, host=HOST)
        seconds.append(time.process_time() - started)
    return len(bundle.certificates), reading, seconds


def main() -> None:
    """Print one row a bag."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=20)
    repeat = parser.parse_args().repeat
    print("| bag | certificates | read, ms | build, ms (least) | build, ms (median) |")
    print("|---|--:|--:|--:|--:|")
    for name, make in BAGS.items():
        count, reading, seconds = measure(make(), repeat)
        least, median = min(seconds) * 1000, statistics.median(seconds) * 1000
        print(f"| {name} | {count} | {reading * 1000:.1f} | {least:.1f} | {median:.1f} |")
    print(f"Target: below {TARGET * 1000:.0f} ms.")


if __name__ == "__main__":
    main()
