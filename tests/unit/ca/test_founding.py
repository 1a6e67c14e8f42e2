"""A CA whose certificate somebody else signs, and its renewal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from sealwire.ca.outside import judge_outside
from sealwire.ca.setup import SetupPlan
from sealwire.errors import ConflictError, RefusedError, UnavailableError
from sealwire.x509.bundle import read_bundle
from sealwire.x509.keys import KeyType, key_id
from sealwire.x509.subject import parse_dn
from tests.unit.ca.outside_shop import ISSUES, KEYS, OutsideShop, Wishes, certificate, files
from tests.unit.ca.scene import START, KeyShelf, Scene, csr_for, founded

if TYPE_CHECKING:
    from sealwire.ca.setup import Initialised
    from sealwire.ca.waiting import WaitingKey

ISSUING = "CN=Example Issuing CA,O=Example"
SERVER = "CN=www.example.com,O=Example"
PLAN = SetupPlan(organization="Example")
YEAR = timedelta(days=365)


@dataclass
class Waiting:
    """A home that waits for its CA's certificate."""

    scene: Scene
    key: WaitingKey
    shop: OutsideShop

    def bring(self, *certificates: x509.Certificate, trusted: bool = False) -> Initialised:
        roots = [self.shop.root] if trusted else []
        return self.scene.ca.founding.accept_certificate(
            read_bundle(files(*certificates)), roots, actor="admin"
        )


def waiting(shop: OutsideShop | None = None) -> Waiting:
    scene = Scene()
    key = scene.ca.founding.request_certificate(PLAN, actor="admin")
    return Waiting(scene, key, shop or OutsideShop())


def faults(refused: pytest.ExceptionInfo[RefusedError]) -> set[str]:
    return {f.code for f in refused.value.findings if f.severity == "error"}


def test_the_request_asks_for_a_ca_certificate() -> None:
    home = waiting()
    csr = x509.load_pem_x509_csr(home.key.csr_pem.encode())
    assert csr.is_signature_valid
    assert csr.subject == parse_dn(ISSUING)
    constraints = csr.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)
    usage = csr.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    assert home.key.key_id == key_id(csr.public_key())
    assert home.key.key_id in home.scene.keys.keys
    assert [record.event for record in home.scene.trail()] == ["CSR_GENERATED"]


def test_while_it_waits_nothing_can_be_asked_of_it() -> None:
    home = waiting()
    ca = home.scene.ca
    assert not ca.is_initialised()
    for call in (ca.chain_pem, ca.initialise, lambda: home.scene.submit(csr_for(SERVER))):
        with pytest.raises(ConflictError) as refused:
            call()
        assert refused.value.code == "ca.waiting"
        assert "--import" in refused.value.hint


def test_asked_again_it_gives_the_same_request_another_plan_another() -> None:
    home = waiting()
    founding = home.scene.ca.founding
    assert founding.request_certificate(PLAN) == home.key
    other = founding.request_certificate(SetupPlan(issuing_name=parse_dn("CN=Other")))
    third = founding.request_certificate(SetupPlan(KeyType.P384, organization="Example"))
    assert founding.waiting() == (home.key, other, third)
    # Either may come back.
    signed = home.shop.sign(other.csr_pem)
    assert home.bring(signed, home.shop.policy, home.shop.root).issuing_subject == "CN=Other"
    assert founding.waiting() == ()


def test_files_in_any_order_make_the_ca() -> None:
    home = waiting()
    bag = [home.shop.sign(home.key.csr_pem), home.shop.policy, home.shop.root]
    chains = {
        judge_outside(
            read_bundle(files(*(bag[place] for place in order))),
            [],
            asked={home.key.key_id: ISSUING},
            at=START,
        ).certificates
        for order in permutations(range(3))
    }
    assert chains == {tuple(reversed(bag))}
    made = home.bring(bag[1], bag[2], bag[0])
    assert made.issuing_subject == ISSUING
    assert [f.code for f in made.findings] == ["anchor_from_bundle"]
    rows = home.scene.store.read(lambda tx: tx.ca_certificates())
    assert rows is not None
    assert (rows.issuing_key_id, rows.root_key_id) == (home.key.key_id, None)
    assert x509.load_pem_x509_certificates(home.scene.ca.chain_pem().encode()) == bag


def test_the_new_ca_issues_and_says_so_in_its_trail() -> None:
    home = waiting()
    signed = home.shop.sign(home.key.csr_pem)
    made = home.bring(signed, home.shop.policy, trusted=True)
    assert made.findings == ()
    request = home.scene.submit(csr_for(SERVER))
    done = home.scene.ca.approve(request.request_id, actor="caadmin")
    leaf = x509.load_der_x509_certificate(home.scene.ca.certificate(done.serial or 0).der)
    leaf.verify_directly_issued_by(signed)
    agent = x509.load_pem_x509_certificates(made.agent_pem.encode())
    assert [c.subject for c in agent[1:]] == [signed.subject, home.shop.policy.subject]
    events = [record.event for record in home.scene.trail()]
    assert events[:9] == [
        "CSR_GENERATED",
        "CONFIG_TRUSTED_PUBLIC_KEY",
        "CONFIG_TRUSTED_PUBLIC_KEY",
        "CONFIG_TRUSTED_PUBLIC_KEY",
        "CERT_SIGNING_INFO",
        "PROFILE_CERT_REQUEST",
        "CERT_REQUEST_PROCESSED",
        "CONFIG_ROLE",
        "PROFILE_CERT_REQUEST",
    ]
    with pytest.raises(ConflictError) as again:
        home.bring(signed, home.shop.policy, trusted=True)
    assert again.value.code == "ca.initialised"


def test_a_failed_import_leaves_it_waiting() -> None:
    home = waiting()
    bag = (home.shop.sign(home.key.csr_pem), home.shop.policy, home.shop.root)
    home.scene.store.fail_before_commit()
    with pytest.raises(UnavailableError):
        home.bring(*bag)
    assert home.scene.ca.founding.waiting() == (home.key,)
    assert home.scene.store.read(lambda tx: tx.users()) == []
    assert home.bring(*bag).agent == "caadmin"


SPOILED: dict[str, tuple[Wishes, set[str]]] = {
    "no CA": (
        Wishes(ISSUING, constraints=x509.BasicConstraints(ca=False, path_length=None)),
        {"not_a_ca"},
    ),
    "no constraints": (Wishes(ISSUING, constraints=None), {"not_a_ca"}),
    "cannot sign certificates": (Wishes(ISSUING, usage={"crl_sign": True}), {"key_usage"}),
    "cannot sign CRLs": (Wishes(ISSUING, usage={"key_cert_sign": True}), {"key_usage"}),
    "no key identifier": (Wishes(ISSUING, identifier=False), {"not_a_ca"}),
    "expired": (Wishes(ISSUING, end=START - timedelta(days=1)), {"expired"}),
    "not yet": (Wishes(ISSUING, begin=START + timedelta(days=1)), {"not_yet_valid"}),
    "for mail only": (
        Wishes(
            ISSUING,
            more=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)],
        ),
        {"eku_mismatch"},
    ),
    "a critical extension nobody knows": (
        Wishes(
            ISSUING,
            more=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)],
        ),
        {"critical_extension"},
    ),
    "all at once": (
        Wishes(
            ISSUING,
            end=START - timedelta(days=1),
            constraints=x509.BasicConstraints(ca=False, path_length=None),
            usage={},
            identifier=False,
        ),
        {"not_a_ca", "key_usage", "expired"},
    ),
}


@pytest.mark.parametrize("case", SPOILED)
def test_a_certificate_that_is_none_for_a_ca(case: str) -> None:
    home, (wishes, codes) = waiting(), SPOILED[case]
    with pytest.raises(RefusedError) as refused:
        home.bring(home.shop.sign(home.key.csr_pem, wishes), home.shop.policy, home.shop.root)
    assert refused.value.code == "ca.certificate"
    assert faults(refused) == codes
    assert home.scene.ca.founding.waiting() == (home.key,)


def test_faults_of_leaf_and_chain_are_told_together() -> None:
    shop = OutsideShop(
        policy_wishes=Wishes(
            "CN=Outside Policy CA,O=Outside",
            end=START - timedelta(days=1),
            constraints=x509.BasicConstraints(ca=True, path_length=0),
            usage={"crl_sign": True},
        )
    )
    home = waiting(shop)
    expired = Wishes(ISSUING, end=START - timedelta(days=1))
    with pytest.raises(RefusedError) as refused:
        home.bring(shop.sign(home.key.csr_pem, expired), shop.policy, shop.root)
    assert faults(refused) == {"expired", "path_length", "key_usage"}
    told = [f.message for f in refused.value.findings if f.code == "expired"]
    assert len(told) == 2


def test_chains_that_do_not_hold() -> None:
    home = waiting()
    shop, signed = home.shop, home.shop.sign(home.key.csr_pem)
    foreign = certificate(
        Wishes("CN=Outside Root,O=Outside"),
        KEYS["stranger"].public_key(),
        "CN=Outside Root,O=Outside",
        KEYS["stranger"],
    )
    for bag, codes in (
        ((signed,), {"issuer_missing"}),
        ((signed, shop.root), {"issuer_missing"}),
        ((shop.policy, shop.root), {"key_mismatch"}),
        ((), {"key_mismatch"}),
        ((signed, shop.policy, foreign), {"issuer_missing", "issuer_other_key"}),
    ):
        with pytest.raises(RefusedError) as refused:
            home.bring(*bag)
        assert faults(refused) == codes, bag
    with pytest.raises(RefusedError) as refused:
        home.scene.ca.founding.accept_certificate(
            read_bundle(files(signed, shop.policy, shop.root)), [foreign]
        )
    assert "root_untrusted" in faults(refused)


def test_signed_by_itself_it_is_no_issuing_ca() -> None:
    home = waiting()
    key = KEYS["stranger"]
    own = certificate(Wishes(ISSUING), key.public_key(), ISSUING, key)
    with pytest.raises(RefusedError) as refused:
        judge_outside(
            read_bundle(files(own)), [], asked={key_id(key.public_key()): ISSUING}, at=START
        )
    assert "self_signed" in faults(refused)
    assert home.scene.ca.founding.waiting()


def test_remarks_that_do_not_refuse() -> None:
    home = waiting()
    limited = x509.NameConstraints([x509.DNSName("example.com")], None)
    servers = x509.ExtendedKeyUsage(
        [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    )
    wishes = Wishes("CN=Renamed", more=[(limited, True), (servers, False)])
    made = home.bring(home.shop.sign(home.key.csr_pem, wishes), home.shop.policy, trusted=True)
    assert made.issuing_subject == "CN=Renamed"
    assert [f.code for f in made.findings] == ["name_mismatch", "name_constraints"]


def test_a_ca_that_could_not_issue_for_its_own_agent_is_refused() -> None:
    home = waiting()
    servers = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    wishes = Wishes(ISSUING, more=[(servers, False)])
    with pytest.raises(RefusedError) as refused:
        home.bring(home.shop.sign(home.key.csr_pem, wishes), home.shop.policy, trusted=True)
    assert refused.value.code == "chain.invalid"
    assert home.scene.ca.founding.waiting() == (home.key,)


def test_the_shorter_way_up_is_taken() -> None:
    home = waiting()
    signed = home.shop.sign(home.key.csr_pem)
    # The policy CA is a root of its own right as well.
    policy_key = KEYS["policy"]
    own_root = certificate(
        Wishes("CN=Outside Policy CA,O=Outside"),
        policy_key.public_key(),
        "CN=Outside Policy CA,O=Outside",
        policy_key,
    )
    made = home.bring(signed, home.shop.root, home.shop.policy, own_root)
    assert made.root_subject == "CN=Outside Policy CA,O=Outside"
    rows = home.scene.store.read(lambda tx: tx.ca_certificates())
    assert rows is not None
    assert rows.intermediates_pem == ""


def test_nothing_was_asked_for() -> None:
    with pytest.raises(ConflictError) as refused:
        Scene().ca.founding.accept_certificate(read_bundle([]))
    assert refused.value.code == "ca.not_requested"
    with pytest.raises(ConflictError) as refused:
        founded().ca.founding.request_certificate(PLAN)
    assert refused.value.code == "ca.initialised"


# --- at the start of a node -----------------------------------------------------------------------


def test_the_key_is_announced_at_each_start() -> None:
    scene = founded()
    before = len(scene.trail())
    scene.ca.founding.announce()
    (record,) = scene.trail()[before:]
    assert record.event == "CERT_SIGNING_INFO"
    issuing = x509.load_pem_x509_certificate(scene.ca.chain_pem().encode())
    own = issuing.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert own.digest.hex() in record.text
    empty = Scene()
    empty.ca.founding.announce()
    assert empty.trail() == []


# --- renewal --------------------------------------------------------------------------------------


def issuing_of(scene: Scene) -> x509.Certificate:
    return x509.load_pem_x509_certificate(scene.ca.chain_pem().encode())


def test_renewal_keeps_name_and_key() -> None:
    scene = founded()
    before = issuing_of(scene)
    scene.clock.advance(YEAR)
    renewed = scene.ca.renewal.renew(actor="admin")
    assert issuing_of(scene) == renewed
    assert (renewed.subject, renewed.public_key()) == (before.subject, before.public_key())
    assert renewed.serial_number != before.serial_number
    assert renewed.not_valid_after_utc > before.not_valid_after_utc
    root = x509.load_pem_x509_certificate(scene.ca.roots_pem().encode())
    renewed.verify_directly_issued_by(root)
    kinds = {extension.oid: extension.value for extension in before.extensions}
    assert {extension.oid: extension.value for extension in renewed.extensions} == kinds
    *_, changed, signing = scene.trail()
    assert (changed.event, signing.event) == ("CONFIG_TRUSTED_PUBLIC_KEY", "CERT_SIGNING_INFO")
    assert changed.subject_id == "admin"


def test_what_was_issued_before_holds_after() -> None:
    scene = founded()
    done = scene.ca.approve(scene.submit(csr_for(SERVER)).request_id, actor="caadmin")
    leaf = x509.load_der_x509_certificate(scene.ca.certificate(done.serial or 0).der)
    scene.clock.advance(timedelta(days=30))
    leaf.verify_directly_issued_by(scene.ca.renewal.renew())


def test_what_waited_needs_a_new_look() -> None:
    scene = founded()
    scene.clock.advance(9 * YEAR + timedelta(days=300))
    request = scene.submit(csr_for(SERVER))
    old_end = issuing_of(scene).not_valid_after_utc
    scene.ca.renewal.renew()
    with pytest.raises(ConflictError) as refused:
        scene.ca.approve(request.request_id, actor="caadmin")
    assert refused.value.code == "request.stale"
    scene.ca.review(request.request_id)
    done = scene.ca.approve(request.request_id, actor="caadmin")
    leaf = x509.load_der_x509_certificate(scene.ca.certificate(done.serial or 0).der)
    leaf.verify_directly_issued_by(issuing_of(scene))
    assert leaf.not_valid_after_utc > old_end


def test_a_renewal_that_wins_nothing() -> None:
    scene = founded()
    scene.clock.advance(11 * YEAR)
    scene.ca.renewal.renew()
    with pytest.raises(ConflictError) as refused:
        scene.ca.renewal.renew()
    assert refused.value.code == "ca.root_ends"
    scene.clock.advance(10 * YEAR)
    with pytest.raises(ConflictError) as refused:
        scene.ca.renewal.renew()
    assert refused.value.code == "ca.root_expired"


@cache
def _from_outside() -> tuple[Waiting, x509.Certificate]:
    home = waiting()
    signed = home.shop.sign(home.key.csr_pem)
    home.bring(signed, home.shop.policy, home.shop.root)
    return home, signed


def from_outside() -> tuple[Waiting, x509.Certificate]:
    """A CA of its own for each test, though it is made once."""
    first, signed = _from_outside()
    scene = Scene(keys=KeyShelf(dict(first.scene.keys.keys)))
    scene.store._tables = first.scene.store._tables.copy()
    scene.random._count = first.scene.random._count
    return Waiting(scene, first.key, first.shop), signed


def test_renewal_by_the_outside_ca() -> None:
    home, before = from_outside()
    renewal = home.scene.ca.renewal
    with pytest.raises(ConflictError) as refused:
        renewal.renew()
    assert refused.value.code == "ca.root_elsewhere"
    csr = renewal.request(actor="admin")
    assert x509.load_pem_x509_csr(csr.encode()).public_key() == before.public_key()
    later = home.shop.sign(csr, Wishes(ISSUING, end=START + 15 * YEAR))
    # What is above the present one is known: it need not come along.
    chain = renewal.accept(read_bundle(files(later)), actor="admin")
    assert issuing_of(home.scene) == chain.issuing == later
    assert home.scene.trail()[-1].event == "CERT_SIGNING_INFO"
    assert home.scene.ca.roots_pem() == chain.rows().root_pem


@pytest.mark.parametrize(
    ("wishes", "codes"),
    [
        (Wishes("CN=Another"), {"name_mismatch"}),
        (Wishes(ISSUING, end=START - timedelta(days=2)), {"expired"}),
        (Wishes(ISSUING, usage={}), {"key_usage"}),
        (
            Wishes(ISSUING, identifier=False, more=[(x509.SubjectKeyIdentifier(b"x" * 20), False)]),
            {"key_mismatch"},
        ),
    ],
)
def test_what_is_no_renewal(wishes: Wishes, codes: set[str]) -> None:
    home, before = from_outside()
    csr = home.scene.ca.renewal.request()
    with pytest.raises(RefusedError) as refused:
        home.scene.ca.renewal.accept(read_bundle(files(home.shop.sign(csr, wishes))))
    assert codes <= faults(refused)
    assert issuing_of(home.scene) == before


def test_another_root_is_said() -> None:
    scene = founded()
    shop = OutsideShop()
    signed = shop.sign(scene.ca.renewal.request(), Wishes(ISSUING, usage=dict(ISSUES)))
    chain = scene.ca.renewal.accept(read_bundle(files(signed, shop.policy, shop.root)))
    assert "root_untrusted" in [f.code for f in chain.findings]
    rows = scene.store.read(lambda tx: tx.ca_certificates())
    assert rows is not None
    assert rows.root_key_id is None
    assert rows.root_pem == chain.rows().root_pem
