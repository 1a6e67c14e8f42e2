"""Runs a CA whose process is killed at a chosen step, again and again.

``dying_authority.py URL KEYS found|again``: for each deed, step 1, then 2, and so on, until a life
reaches its end. Each life opens the store afresh, says as JSON what it finds there, prepares its
deed and does it; where it is killed it has said at which step.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.ca.ports import RevocationReason
from sealwire.ca.profiles import ApprovalRules, profile_document, shipped_profiles
from sealwire.ca.publication import CrlName, CrlPublisher
from sealwire.ca.revocation import Revocations
from sealwire.ca.service import CertificateAuthority
from sealwire.ca.setup import SetupPlan
from sealwire.ca.software_keys import SoftwareKeys
from sealwire.clock import SystemClock, SystemRandom
from sealwire.stores.keyfiles import KeyFiles
from sealwire.stores.sql import SqlStore
from sealwire.x509.csr import build_csr
from sealwire.x509.keys import KeyType, generate_key
from sealwire.x509.lint import lint_certificate, load
from sealwire.x509.subject import parse_dn
from tests.contract.dying_store import DyingKeys, DyingStore, Fate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sealwire.audit.ports import Store
    from sealwire.ca.ports import CaTx, SigningKeys
    from sealwire.errors import Finding

PROFILE = "caAuditServerCert"
TWO_APPROVERS = "caTwoApprovers"
CSR = build_csr(generate_key(KeyType.P256), parse_dn("CN=www.example.com,O=Example"), ())
Deed = "Callable[[], object]"


class Site:
    """One process's CA. ``fate`` begins to count when the deed does."""

    def __init__(self, store: SqlStore, keys: Path, fate: Fate) -> None:
        clock = SystemClock()
        recorder = Recorder(clock, "ca1.example.com", AuditFormat.V10_4_5, "0.1.0")
        dying: Store[CaTx] = DyingStore(store, fate)  # type: ignore[assignment] # by __getattr__
        own: SigningKeys = DyingKeys(SoftwareKeys(KeyFiles(keys)), fate)

        def lint(der: bytes) -> tuple[Finding, ...]:
            findings = lint_certificate(der)
            fate.step("after the linter")
            return findings

        self.store = store
        self.ca = CertificateAuthority(
            dying,
            own,
            recorder,
            profiles=shipped_profiles(),
            clock=clock,
            random=SystemRandom(),
            linter=lint,
        )
        self.revocations = Revocations(dying, recorder, clock=clock)
        self.crls = CrlPublisher(dying, own, recorder, clock=clock)

    def submitted(self, profile: str = PROFILE) -> int:
        return self.ca.submit(profile, CSR, actor="ada", remote_address="").request_id

    def issued(self) -> int:
        return self.ca.approve(self.submitted(), actor="caadmin").serial or 0

    def ledger(self) -> dict[str, int]:
        """How much there is of everything; a fault where it does not fit together."""
        found = self.ca.reconcile()
        if found.findings:
            raise AssertionError(" ".join(finding.message for finding in found.findings))
        head = self.crls.head()
        profiles = self.ca.profile_register.profiles()

        def stored(tx: CaTx) -> tuple[int, int, int, int]:
            rows = tx.ca_certificates()
            crl = tx.latest_crl(rows.issuing_key_id if rows else "")
            number = crl.number if crl else 0
            asked = tx.count_requests(status=None)
            yes = len(tx.approvals_between(1, asked))
            return number, asked, yes, tx.trail_head("ca").size

        number, asked, yes, records = self.store.read(stored)
        if number != (head.number if head else 0):
            raise AssertionError("the CRL is not the one whose number is known")
        return {
            "certificates": found.certificates,
            "complete": found.complete_requests,
            "approved": found.approvals,
            "status_changes": found.status_changes,
            "requests": asked,
            "approvals": yes,
            "crls": number,
            "versions": sum(profile.version for profile in profiles),
            "enabled": sum(profile.enabled for profile in profiles),
            "records": records,
        }


def _issue(site: Site) -> Deed:
    def deed() -> None:
        site.issued()

    return deed


def _two_approvers(site: Site) -> Deed:
    number = site.submitted(TWO_APPROVERS)

    def deed() -> None:
        site.ca.approve(number, actor="bob", credential="certificate")
        site.ca.approve(number, actor="carol", credential="password")

    return deed


def _revoke(site: Site) -> Deed:
    serial = site.issued()
    return lambda: site.revocations.revoke(serial, RevocationReason.SUPERSEDED, actor="caadmin")


def _hold_and_release(site: Site) -> Deed:
    serial = site.issued()

    def deed() -> None:
        site.revocations.hold(serial, actor="caadmin")
        site.revocations.release(serial, actor="caadmin")

    return deed


def _publish(site: Site) -> Deed:
    return lambda: site.crls.publish(CrlName.ISSUING, actor="caadmin")


def _change_profile(site: Site) -> Deed:
    register = site.ca.profile_register
    name = f"caChanged{len(register.profiles())}"
    profile = shipped_profiles().get(PROFILE).model_copy(update={"profile_id": name})
    register.put(profile_document(profile).encode(), actor="admin")
    register.enable(name, actor="caadmin")
    changed = profile_document(profile.model_copy(update={"description": "another"})).encode()

    def deed() -> None:
        register.disable(name, actor="caadmin")
        register.put(changed, actor="admin")
        register.enable(name, actor="caadmin")

    return deed


def _renew(site: Site) -> Deed:
    return lambda: site.ca.renewal.renew(actor="admin")


DEEDS: Mapping[str, Callable[[Site], Deed]] = {
    "renew": _renew,
    "issue": _issue,
    "two approvers": _two_approvers,
    "revoke": _revoke,
    "hold and release": _hold_and_release,
    "publish": _publish,
    "change a profile": _change_profile,
}


def look(site: Site, deed: str) -> None:
    """Say what there is; what a dead one left must neither be in the way nor contradict itself."""
    os.write(1, json.dumps({"deed": deed, "ledger": site.ledger()}).encode() + b"\n")


def live(url: str, keys: Path, name: str, last: int) -> None:
    """Look, prepare and do one deed; ends early at its step ``last``."""
    fate = Fate(last)
    with SqlStore(url) as store:
        site = Site(store, keys, fate)
        look(site, name)
        prepared = DEEDS[name](site)
        fate.counts = True
        prepared()


def found(url: str, keys: Path) -> None:
    """The CA, its first CRL, and a profile that wants two other people's eyes."""
    with SqlStore(url) as store:
        site = Site(store, keys, Fate(0))
        site.ca.initialise(SetupPlan())
        two = shipped_profiles().get(PROFILE)
        rules = ApprovalRules(approvers=2, separate_submitter=True)
        changed = two.model_copy(update={"profile_id": TWO_APPROVERS, "approval": rules})
        site.ca.profile_register.put(profile_document(changed).encode(), actor="admin")
        site.ca.profile_register.enable(TWO_APPROVERS, actor="caadmin")
        site.crls.publish(actor="caadmin")


def main() -> None:
    url, keys, begin = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    if begin == "found":
        found(url, keys)
    load()  # the linter, once for every life
    for name in DEEDS:
        last, status = 0, -signal.SIGKILL
        while status == -signal.SIGKILL:
            last += 1
            child = os.fork()
            if child == 0:
                live(url, keys, name, last)
                os._exit(0)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            sys.exit(1)
    with SqlStore(url) as store:
        look(Site(store, keys, Fate(0)), "")


if __name__ == "__main__":
    main()
