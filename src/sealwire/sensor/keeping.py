"""How long records are kept: retention classes, the rules that choose one, the disk budget."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sealwire.errors import NotFoundError, RefusedError
from sealwire.sensor.keeping_rules import (
    MOST_CLASSES,
    MOST_RULES,
    checked_budget,
    checked_class,
    checked_rule,
    rule_words,
)
from sealwire.sensor.policy import DEFAULT_CLASS
from sealwire.sensor.policy_changes import PolicyCases, class_names, too_many

if TYPE_CHECKING:
    from sealwire.sensor.outlook import Outlook
    from sealwire.sensor.policy import ArchivePolicy, ClassRule, RetentionClass


@dataclass(frozen=True, slots=True)
class Keeping:
    """The policy and what it means for what is stored.

    ``index_bytes``: what the index takes of the budget; 0 while it is not known.
    """

    policy: ArchivePolicy
    outlook: Outlook
    index_bytes: int

    @property
    def segment_bytes(self) -> int:
        """Of all segments."""
        return sum(one.stored.bytes for one in self.outlook.days)


class KeepingCases(PolicyCases):
    """Classes, rules and budget. Each change and its audit event commit together."""

    def keeping(self) -> Keeping:
        """The policy, what is stored, and what goes next."""
        policy = self._store.read(self._kept_policy)
        index_bytes = self._index_bytes()
        return Keeping(policy, self._outlook(self._shelf.days(), policy, index_bytes), index_bytes)

    def set_class(
        self, actor: str, name: str, days: int | None, *, sure: bool = False
    ) -> RetentionClass:
        """Make a class, or change how long it is kept (None: for ever).

        Raises RefusedError ``retention.class``, ConflictError ``retention.deletes`` unless
        ``sure``.
        """
        wanted = checked_class(name, days)

        def change(policy: ArchivePolicy) -> tuple[ArchivePolicy, str, dict[str, str]]:
            before = next((one for one in policy.classes if one.name == name), None)
            if before is None and len(policy.classes) >= MOST_CLASSES:
                raise too_many("classes", MOST_CLASSES)
            classes = tuple(wanted if one.name == name else one for one in policy.classes)
            changed = replace(policy, classes=classes if before else (*classes, wanted))
            details = {"class": name, "days": _length(wanted)}
            if before is not None:
                details["before"] = _length(before)
            return changed, "class-set", details

        self._change(actor, change, sure=sure)
        return wanted

    def remove_class(self, actor: str, name: str) -> None:
        """Forget a class; what is stored in it stays until the budget needs its room.

        Raises NotFoundError ``retention.unknown``, RefusedError ``retention.class_in_use``.
        """

        def change(policy: ArchivePolicy) -> tuple[ArchivePolicy, str, dict[str, str]]:
            if name not in class_names(policy):
                raise NotFoundError("retention.unknown", f"there is no class {name!r}")
            _check_unused(policy, name)
            left = tuple(one for one in policy.classes if one.name != name)
            return replace(policy, classes=left), "class-remove", {"class": name}

        self._change(actor, change, sure=False)

    def add_rule(
        self,
        actor: str,
        retention: str,
        *,
        network: str | None = None,
        certificate_sha256: str | None = None,
        san: str | None = None,
        host: str | None = None,
        position: int | None = None,
    ) -> int:
        """Say which records belong to a class, from now on; returns the rule's number, from 1.

        The first rule that fits counts; ``position`` None: behind the others. Raises RefusedError
        ``retention.rule``.
        """

        def change(policy: ArchivePolicy) -> tuple[ArchivePolicy, str, dict[str, str]]:
            rule = checked_rule(
                retention,
                classes=class_names(policy),
                network=network,
                certificate_sha256=certificate_sha256,
                san=san,
                host=host,
            )
            rules = list(policy.rules)
            if len(rules) >= MOST_RULES:
                raise too_many("rules", MOST_RULES)
            at = len(rules) + 1 if position is None else position
            if not 1 <= at <= len(rules) + 1:
                raise RefusedError(
                    "retention.rule", f"position: 1 to {len(rules) + 1}, not {position}"
                )
            rules.insert(at - 1, rule)
            details = {"rule": str(at), **_told(rule)}
            return replace(policy, rules=tuple(rules)), "rule-add", details

        return int(self._change(actor, change, sure=False)["rule"])

    def remove_rule(self, actor: str, number: int) -> None:
        """Forget a rule by its number, from 1. Raises NotFoundError ``retention.unknown``."""

        def change(policy: ArchivePolicy) -> tuple[ArchivePolicy, str, dict[str, str]]:
            if not 1 <= number <= len(policy.rules):
                raise NotFoundError("retention.unknown", f"there is no rule {number}")
            rules = list(policy.rules)
            gone = rules.pop(number - 1)
            details = {"rule": str(number), **_told(gone)}
            return replace(policy, rules=tuple(rules)), "rule-remove", details

        self._change(actor, change, sure=False)

    def set_budget(self, actor: str, size: int | None, *, sure: bool = False) -> None:
        """Let segments and index take so many bytes; None: all of the disk.

        Raises RefusedError ``retention.budget``, ConflictError ``retention.deletes`` unless
        ``sure``.
        """
        wanted = checked_budget(size)

        def change(policy: ArchivePolicy) -> tuple[ArchivePolicy, str, dict[str, str]]:
            details = {"bytes": _budget(wanted), "before": _budget(policy.budget_bytes)}
            return replace(policy, budget_bytes=wanted), "budget", details

        self._change(actor, change, sure=sure)


def _check_unused(policy: ArchivePolicy, name: str) -> None:
    if name == DEFAULT_CLASS:
        text = f"the class {name} always exists: it is that of records that no rule fits"
        raise RefusedError("retention.class_in_use", text)
    rules = [str(at) for at, one in enumerate(policy.rules, 1) if one.retention == name]
    holds = [one.name for one in policy.holds if one.retention == name]
    used = [f"rule {', '.join(rules)}"] if rules else []
    used += [f"hold {', '.join(holds)}"] if holds else []
    if used:
        text = f"the class {name} is in use by {' and by '.join(used)}"
        raise RefusedError("retention.class_in_use", text, hint="remove or release those first")


def _length(one: RetentionClass) -> str:
    return "for ever" if one.days is None else str(one.days)


def _budget(size: int | None) -> str:
    return "all" if size is None else str(size)


def _told(rule: ClassRule) -> dict[str, str]:
    """What the audit event says of a rule; what is not set is left out."""
    given = {key: value for key, value in rule_words(rule).items() if value is not None}
    return {"class": rule.retention, **given}
