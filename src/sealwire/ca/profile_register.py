"""The profiles of one CA as they are in force: stored, versioned, enabled or not.

A version is never changed: a change is a new version, and a request names the one it was judged
by. As in Dogtag, who writes a profile does not put it into force: a new one is disabled until
somebody enables it, and only a disabled one can be changed or removed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sealwire.audit.ca_events import profile_approval
from sealwire.audit.events import SYSTEM, EventName, Outcome, config_change
from sealwire.ca.ports import ProfileState, StoredProfile
from sealwire.ca.profiles import Profile, parse_profile
from sealwire.errors import ConflictError, NotFoundError, RefusedError
from sealwire.x509.lint import known_findings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.ca.ports import CaTx, ProfileTx
    from sealwire.ca.profiles import ProfileCatalogue
    from sealwire.clock import Clock

TRAIL: Final = "ca"


@dataclass(frozen=True, slots=True)
class ProfileInForce:
    """The version of a profile that counts now; ``digest`` is the version's."""

    profile: Profile
    version: int
    digest: str
    enabled: bool
    changed: datetime
    changed_by: str

    @property
    def profile_id(self) -> str:
        """The profile's id."""
        return self.profile.profile_id


@dataclass(frozen=True, slots=True)
class _Parsed:
    profile: Profile
    digest: str


@lru_cache(maxsize=256)
def _parsed(document: str, source: str) -> _Parsed:
    profile = parse_profile(document.encode(), source=source)
    return _Parsed(profile, profile.digest)


def check_profile(document: bytes, *, source: str) -> Profile:
    """The profile in a TOML document, its waivers known to the linter.

    Raises RefusedError ``profile.invalid`` with every fault.
    """
    return parse_profile(document, source=source, waivable=known_findings)


def stored_profile(stored: StoredProfile) -> Profile:
    """A stored version, read. Raises ConflictError ``profile.altered`` when it was changed."""
    name = f"{stored.profile_id} version {stored.version}"
    try:
        parsed = _parsed(stored.document, name)
    except RefusedError:
        raise _altered(name) from None
    if parsed.digest != stored.digest or parsed.profile.profile_id != stored.profile_id:
        raise _altered(name)
    return parsed.profile


def profile_in_force(tx: ProfileTx, profile_id: str) -> ProfileInForce:
    """What counts now, in the caller's transaction.

    Raises NotFoundError ``profile.unknown``, ConflictError ``profile.altered``.
    """
    found = tx.profile_in_force(profile_id)
    if found is None:
        raise _unknown(profile_id)
    return _in_force(*found)


def require_enabled(rules: ProfileInForce) -> None:
    """Raises RefusedError ``profile.disabled``, in Dogtag's words."""
    if not rules.enabled:
        raise RefusedError(
            "profile.disabled",
            f"Profile {rules.profile_id} not enabled",
            hint="An agent has to enable it first.",
        )


class ProfileRegister:
    """Reads and changes the stored profiles. Keeps nothing but parsed documents."""

    def __init__(
        self,
        store: Store[CaTx],
        recorder: Recorder,
        *,
        clock: Clock,
        shipped: ProfileCatalogue,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._shipped = shipped

    def seed(self) -> None:
        """Store the shipped profiles that are not there yet, and the new versions of the others.

        What an administrator changed or removed is left alone. Writes nothing when nothing is new.
        """
        if self._store.read(self._news):
            self._store.run(self._sow)

    def get(self, profile_id: str) -> ProfileInForce:
        """By id. Raises NotFoundError ``profile.unknown``."""
        return self._store.read(lambda tx: profile_in_force(tx, profile_id))

    def profiles(self) -> tuple[ProfileInForce, ...]:
        """Every profile, the disabled ones too, by id."""

        def query(tx: CaTx) -> tuple[ProfileInForce, ...]:
            known = (state.profile_id for state in tx.profile_states())
            return tuple(profile_in_force(tx, profile_id) for profile_id in known)

        return self._store.read(query)

    def document(self, profile_id: str) -> str:
        """The TOML document in force. Raises NotFoundError ``profile.unknown``."""

        def query(tx: CaTx) -> str:
            rules = profile_in_force(tx, profile_id)
            return _version(tx, profile_id, rules.version).document

        return self._store.read(query)

    def versions(self, profile_id: str) -> Sequence[StoredProfile]:
        """Every version there was, the newest first. Raises NotFoundError ``profile.unknown``."""
        found = self._store.read(lambda tx: tx.profile_versions(profile_id))
        if not found:
            raise _unknown(profile_id)
        return found

    def enable(self, profile_id: str, *, actor: str) -> ProfileInForce:
        """Let it be asked for. Raises NotFoundError ``profile.unknown``."""
        return self._store.run(lambda tx: self._switch(tx, profile_id, actor, enabled=True))

    def disable(self, profile_id: str, *, actor: str) -> ProfileInForce:
        """Take it out of use; what waits under it cannot be approved. Raises as ``enable``."""
        return self._store.run(lambda tx: self._switch(tx, profile_id, actor, enabled=False))

    def put(self, document: bytes, *, actor: str) -> ProfileInForce:
        """Store a profile, or the next version of one that is there; it is left disabled.

        Raises RefusedError ``profile.invalid`` with every fault, ConflictError
        ``profile.enabled`` while the one that is there can be asked for.
        """
        profile = check_profile(document, source="document")
        return self._store.run(lambda tx: self._put(tx, profile, document.decode(), actor))

    def remove(self, profile_id: str, *, actor: str) -> None:
        """Take a disabled profile away; its versions stay, for requests name them.

        Raises NotFoundError ``profile.unknown``, ConflictError ``profile.enabled``.
        """

        def take_away(tx: CaTx) -> None:
            rules = profile_in_force(tx, profile_id)
            _require_disabled(profile_id, enabled=rules.enabled)
            tx.remove_profile_state(profile_id)
            self._record_change(tx, actor, "OP_DELETE", rules.profile, rules.version, rules.digest)

        self._store.run(take_away)

    # Inside one transaction

    def _switch(self, tx: CaTx, profile_id: str, actor: str, *, enabled: bool) -> ProfileInForce:
        rules = profile_in_force(tx, profile_id)
        state = ProfileState(profile_id, rules.version, enabled, self._clock.now(), actor)
        tx.put_profile_state(state)
        event = profile_approval(actor, profile_id, "approve" if enabled else "disapprove")
        self._recorder.record(tx, TRAIL, event)
        return replace(rules, enabled=enabled, changed=state.changed, changed_by=actor)

    def _put(self, tx: CaTx, profile: Profile, document: str, actor: str) -> ProfileInForce:
        state = tx.profile_state(profile.profile_id)
        if state is not None:
            _require_disabled(profile.profile_id, enabled=state.enabled)
        rules = self._add(tx, profile, document, actor, enabled=False)
        operation = "OP_ADD" if state is None else "OP_MODIFY"
        self._record_change(tx, actor, operation, profile, rules.version, rules.digest)
        return rules

    def _add(
        self, tx: CaTx, profile: Profile, document: str, actor: str, *, enabled: bool
    ) -> ProfileInForce:
        now, profile_id, digest = self._clock.now(), profile.profile_id, profile.digest
        version = max((each.version for each in tx.profile_versions(profile_id)), default=0) + 1
        tx.add_profile_version(StoredProfile(profile_id, version, document, digest, now, actor))
        tx.put_profile_state(ProfileState(profile_id, version, enabled, now, actor))
        return ProfileInForce(profile, version, digest, enabled, now, actor)

    def _news(self, tx: CaTx) -> list[Profile]:
        states = {state.profile_id: state for state in tx.profile_states()}
        known = (profile.profile_id for profile in self._shipped.all())
        news = [each for each in known if self._is_news(tx, each, states.get(each))]
        return [self._shipped.get(profile_id) for profile_id in news]

    def _is_news(self, tx: CaTx, profile_id: str, state: ProfileState | None) -> bool:
        """Whether a shipped profile is to be stored: an administrator's own versions stay."""
        if state is None:
            return not tx.profile_versions(profile_id)
        stored = _version(tx, profile_id, state.version)
        return stored.created_by == SYSTEM and stored.digest != self._shipped.digest(profile_id)

    def _sow(self, tx: CaTx) -> None:
        for profile in self._news(tx):
            state = tx.profile_state(profile.profile_id)
            document = self._shipped.document(profile.profile_id)
            enabled = state is None or state.enabled
            rules = self._add(tx, profile, document, SYSTEM, enabled=enabled)
            if state is not None:
                self._record_change(tx, SYSTEM, "OP_MODIFY", profile, rules.version, rules.digest)

    def _record_change(
        self, tx: CaTx, actor: str, operation: str, profile: Profile, version: int, digest: str
    ) -> None:
        parameters = {
            "Scope": "rules",
            "Operation": operation,
            "Resource": profile.profile_id,
            "version": str(version),
            "sha256": digest,
        }
        name = EventName.CONFIG_CERT_PROFILE
        self._recorder.record(tx, TRAIL, config_change(name, actor, Outcome.SUCCESS, parameters))


def _in_force(state: ProfileState, stored: StoredProfile) -> ProfileInForce:
    return ProfileInForce(
        profile=stored_profile(stored),
        version=state.version,
        digest=stored.digest,
        enabled=state.enabled,
        changed=state.changed,
        changed_by=state.changed_by,
    )


def _version(tx: ProfileTx, profile_id: str, version: int) -> StoredProfile:
    stored = tx.profile_version(profile_id, version)
    if stored is None:
        raise _altered(f"{profile_id} version {version}")
    return stored


def _require_disabled(profile_id: str, *, enabled: bool) -> None:
    if enabled:
        raise ConflictError(
            "profile.enabled",
            "Cannot change profile data. Profile must be disabled",
            hint=f"Disable {profile_id} first; an agent enables it again afterwards.",
        )


def _unknown(profile_id: str) -> NotFoundError:
    return NotFoundError("profile.unknown", f"Profile {profile_id} Not Found")


def _altered(name: str) -> ConflictError:
    return ConflictError(
        "profile.altered",
        f"The profile {name} was altered in the store.",
        hint="Find out who can write to the store, then put the profile anew.",
    )
