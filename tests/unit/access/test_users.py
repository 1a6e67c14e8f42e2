import hashlib
from dataclasses import replace

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from sealwire.access.login import LogIn
from sealwire.access.people import People
from sealwire.access.ports import User
from sealwire.access.roles import AuthenticatedBy, Role
from sealwire.access.users import (
    READABLE_ALPHABET,
    authenticate_certificate,
    authenticate_password,
    hash_password,
    new_user,
    nobodys_hash,
    one_time_password,
    principal_of,
)
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.clock import SystemClock
from sealwire.errors import RefusedError, UnauthorizedError
from sealwire.stores.memory import MemoryStore

SHA256 = hashlib.sha256(b"a certificate").hexdigest()


class Octets:
    """The same octets again and again."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def token_bytes(self, count: int) -> bytes:
        return (self._octets * count)[:count]


class Counting:
    """SHA-256 of a counter."""

    def __init__(self) -> None:
        self._count = 0

    def token_bytes(self, count: int) -> bytes:
        self._count += 1
        return hashlib.shake_128(str(self._count).encode()).digest(count)


@pytest.fixture(scope="module")
def alice() -> User:
    return new_user(
        "alice",
        full_name="Alice",
        roles=(Role.AGENT,),
        password="correct horse",
        random=Counting(),
        certificate_sha256=(SHA256,),
    )


def store_with(user: User) -> MemoryStore:
    store = MemoryStore()
    store.run(lambda tx: tx.put_user(user))
    return store


def test_the_right_password(alice: User) -> None:
    principal = store_with(alice).read(
        lambda tx: authenticate_password(tx, "alice", "correct horse")
    )
    assert principal.name == "alice"
    assert principal.roles == {Role.AGENT}
    assert principal.authenticated_by is AuthenticatedBy.PASSWORD


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "wrong horse"),
        ("alice", ""),
        ("alice", "correct horse\0"),
        ("alice", "x" * 100_000),
        ("ALICE", "correct horse"),
        ("nobody", "correct horse"),
        ("", ""),
    ],
)
def test_everything_else_gets_the_same_answer(alice: User, name: str, password: str) -> None:
    with pytest.raises(UnauthorizedError) as refused:
        store_with(alice).read(lambda tx: authenticate_password(tx, name, password))
    assert (refused.value.code, refused.value.message) == (
        "login.refused",
        "User name or password is wrong.",
    )


@pytest.mark.parametrize(
    "change", [{"enabled": False}, {"password_hash": ""}, {"password_hash": "plain"}]
)
def test_a_user_who_cannot_log_in_by_password(alice: User, change: dict[str, object]) -> None:
    store = store_with(replace(alice, **change))  # type: ignore[arg-type] # fields by name
    with pytest.raises(UnauthorizedError) as refused:
        store.read(lambda tx: authenticate_password(tx, "alice", "correct horse"))
    assert refused.value.code == "login.refused"


def test_a_stranger_costs_one_hashing_too() -> None:
    # Same parameters, and a well-formed hash: a malformed one would be refused without work.
    assert extract_parameters(nobodys_hash()) == RFC_9106_LOW_MEMORY
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(nobodys_hash(), "wrong")


def test_the_hash_is_argon2id_with_our_salt(alice: User) -> None:
    assert alice.password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert hash_password("x", Octets(b"\1")) == hash_password("x", Octets(b"\1"))
    assert hash_password("x", Octets(b"\1")) != hash_password("x", Octets(b"\2"))


def test_where_nothing_is_said_passwords_have_the_weight_that_users_get(alice: User) -> None:
    store, random = store_with(alice), Counting()
    recorder = Recorder(SystemClock(), "ca.example.com", AuditFormat.V10_4_5, "1")
    chosen = "a password of my own"
    LogIn(store, recorder, "ca", random=random).change_own_password(
        principal_of(alice, AuthenticatedBy.PASSWORD), "correct horse", chosen, address="192.0.2.7"
    )
    people = People(store, recorder, "ca", random)
    people.add("root", "bob", ["agent"])
    people.add("root", "carol", ["agent"])
    people.set_password("root", "carol", chosen)
    hashes = {user.name: user.password_hash for user in people.users()}
    assert hashes["alice"] != alice.password_hash
    for name in ("alice", "bob", "carol"):
        assert extract_parameters(hashes[name]) == RFC_9106_LOW_MEMORY


@pytest.mark.parametrize("password", ["", "x" * 1025])
def test_passwords_that_are_none(password: str) -> None:
    with pytest.raises(RefusedError) as refused:
        hash_password(password, Counting())
    assert refused.value.code == "password.invalid"


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "../x", "a\n", "x" * 65, "$System$", "ä"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        new_user(name, full_name="", roles=(), password="x", random=Counting())
    assert refused.value.code == "user.name"


def test_a_certificate_names_its_user(alice: User) -> None:
    principal = store_with(alice).read(lambda tx: authenticate_certificate(tx, SHA256))
    assert (principal.name, principal.authenticated_by) == ("alice", AuthenticatedBy.CERTIFICATE)


def test_a_certificate_of_nobody_or_of_a_disabled_user(alice: User) -> None:
    for store, digest in (
        (store_with(alice), "0" * 64),
        (store_with(replace(alice, enabled=False)), SHA256),
    ):
        with pytest.raises(UnauthorizedError) as refused:
            store.read(lambda tx, digest=digest: authenticate_certificate(tx, digest))
        assert refused.value.code == "login.certificate"


def test_an_unknown_role_in_the_store_lets_nobody_in(alice: User) -> None:
    store = store_with(replace(alice, roles=frozenset({"wizard"})))
    with pytest.raises(ValueError, match="wizard"):
        store.read(lambda tx: authenticate_certificate(tx, SHA256))


def test_one_time_passwords_are_readable() -> None:
    random = Counting()
    passwords = [one_time_password(random) for _ in range(200)]
    assert len(set(passwords)) == 200
    assert all(len(password) == 23 for password in passwords)
    characters = set("".join(passwords)) - {"-"}
    assert characters == set(READABLE_ALPHABET)
    assert not characters & set("0o1li")


def test_octets_that_would_favour_early_letters_are_not_used() -> None:
    length = len(READABLE_ALPHABET)
    unfair = 256 - 256 % length
    random = Octets(bytes([unfair, 5]))
    assert set(one_time_password(random)) == {READABLE_ALPHABET[5], "-"}
