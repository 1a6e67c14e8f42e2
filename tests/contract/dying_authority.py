"""Runs a CA whose process dies at a chosen step, again and again: one line of output for each life.

``dying_authority.py URL KEYS``: step 1, then 2, and so on, until a life reaches its end. A
step is a change that a use case makes in its transaction, its end before the commit, or the commit
before its answer. Each life submits a request and approves it, on a store that it opened itself.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.ca.profiles import shipped_profiles
from sealwire.ca.service import CertificateAuthority
from sealwire.ca.setup import SetupPlan
from sealwire.ca.software_keys import SoftwareKeys
from sealwire.clock import SystemClock, SystemRandom
from sealwire.stores.keyfiles import KeyFiles
from sealwire.stores.sql import SqlStore
from sealwire.x509.csr import build_csr
from sealwire.x509.keys import KeyType, generate_key
from sealwire.x509.subject import parse_dn

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.audit.ports import Store
    from sealwire.ca.ports import CaTx
    from sealwire.stores.sql_transaction import SqlTransaction

ResultT = TypeVar("ResultT")
DEATH = 9
CHANGES = frozenset(
    {
        "next_request_id",
        "insert_request",
        "lock_request",
        "update_request",
        "add_approval",
        "insert_certificate",
        "lock_trail",
        "append_record",
    }
)


class Fate:
    """Counts steps; at the last one the process is gone, as after ``kill -9``."""

    def __init__(self, last: int) -> None:
        self.left = last

    def step(self, name: str) -> None:
        self.left -= 1
        if self.left == 0:
            os.write(1, f"{name}\n".encode())
            os._exit(DEATH)


class DyingTransaction:
    """Does what the other one does, and dies after it."""

    def __init__(self, inner: SqlTransaction, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate

    def __getattr__(self, name: str) -> object:
        method = getattr(self._inner, name)
        if name not in CHANGES:
            return method

        def and_die(*values: object, **named: object) -> object:
            result = method(*values, **named)
            self._fate.step(f"in the transaction, after {name}")
            return result

        return and_die


class DyingStore:
    """A store of a process that dies."""

    def __init__(self, inner: SqlStore, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate

    def run(self, use_case: Callable[[Any], ResultT]) -> ResultT:
        def to_the_commit(tx: SqlTransaction) -> ResultT:
            result = use_case(DyingTransaction(tx, self._fate))
            self._fate.step("before the commit")
            return result

        result = self._inner.run(to_the_commit)
        self._fate.step("after the commit, before the answer")
        return result

    def read(self, query: Callable[[SqlTransaction], ResultT]) -> ResultT:
        return self._inner.read(query)


def authority(store: Store[CaTx], keys: Path) -> CertificateAuthority:
    clock = SystemClock()
    return CertificateAuthority(
        store,
        SoftwareKeys(KeyFiles(keys)),
        Recorder(clock, "ca1.example.com", AuditFormat.V10_4_5, "0.1.0"),
        profiles=shipped_profiles(),
        clock=clock,
        random=SystemRandom(),
    )


def live(url: str, keys: Path, last: int, csr: bytes) -> None:
    """Submit and approve; ends early at step ``last``."""
    with SqlStore(url) as store:
        ca = authority(DyingStore(store, Fate(last)), keys)
        request = ca.submit("caServerCert", csr, actor="$NonRoleUser$", remote_address="")
        ca.approve(request.request_id, actor="caadmin")


def main() -> None:
    url, keys = sys.argv[1], Path(sys.argv[2])
    with SqlStore(url) as store:
        authority(store, keys).initialise(SetupPlan())
    csr = build_csr(generate_key(KeyType.RSA2048), parse_dn("CN=www.example.com,O=Example"), ())
    last, status = 0, DEATH
    while status == DEATH:
        last += 1
        child = os.fork()
        if child == 0:
            live(url, keys, last, csr)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        # The parent opens the store afresh, too: what the dead one left must not be in the way.
        with SqlStore(url) as store:
            found = authority(store, keys).reconcile()
        faults = " ".join(finding.message for finding in found.findings)
        counts = f"{found.certificates} {found.complete_requests} {found.approvals}"
        os.write(1, f"= {status} {counts} {faults}\n".encode())


if __name__ == "__main__":
    main()
