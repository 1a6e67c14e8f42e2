"""The paths from a leaf to trust: walked shortest first, each one verified before it counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from sealwire.x509.diagnosis import (
    issuer_faults,
    no_path_faults,
    own_fault,
    passed_over,
    refused_path_faults,
)
from sealwire.x509.findings import Code, error
from sealwire.x509.verification import PathRefusedError, path_verifier, reason
from sealwire.x509.verifier_words import STRICT, plain_refusal
from sealwire.x509.webpki import web_objections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from sealwire.errors import Finding
    from sealwire.x509.certificate import Purpose
    from sealwire.x509.graph import Identity, IssuerGraph, Node

    Path = tuple[Node, ...]
    Usable = Callable[[Node], bool]

# Crafted bags have more paths than there is time; real ones need a few dozen.
MAX_PATHS_WALKED: Final = 20_000
MAX_PATHS_VERIFIED: Final = 300
# Once there is a chain, the others are worth a look, no more.
MAX_ALTERNATES: Final = 8
MAX_REFUSED: Final = 16
MAX_LATER_TRIES: Final = 16
_LATER_WALK: Final = 500


@dataclass(frozen=True, slots=True)
class Question:
    """What a chain has to fulfil.

    ``max_depth``: most certificates between leaf and trusted end. ``strict``: also by the rules of
    the public web. ``host`` matters to those only; ordinary names are judged with the leaf.
    """

    purpose: Purpose
    at: datetime
    max_depth: int
    host: str | None = None
    strict: bool = False


@dataclass(slots=True)
class Paths:
    """``good``: paths that verify, best first. ``refused``: those that do not, each with why."""

    good: list[Path] = field(default_factory=list)
    refused: list[tuple[Path, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def find_paths(
    graph: IssuerGraph, leaf: Node, question: Question, leaf_findings: Sequence[Finding]
) -> Paths:
    """All verified paths, shortest first, up to a limit; without any, the findings say why."""
    search = _Search(graph, leaf, question)
    found = Paths()
    search.try_clean_paths(found)
    search.explain_faulty_paths(found)
    if found.good:
        limit = len(found.good[0])
        shorter = [(path, words) for path, words in found.refused if len(path) <= limit]
        found.findings += passed_over(shorter, search.faults)
        return found
    if graph.exhausted:
        text = "There are too many certificates with the same names; some were not tried."
        found.findings.append(error(Code.SEARCH_LIMIT, text))
    if found.refused:
        found.findings += refused_path_faults(found.refused, search.faults, leaf_findings)
    elif not any(finding.code == Code.SEARCH_LIMIT for finding in found.findings):
        found.findings += search.too_deep() or no_path_faults(graph, leaf)
    return found


class _Search:
    """One search; what is wrong with a certificate is found out once."""

    def __init__(self, graph: IssuerGraph, leaf: Node, question: Question) -> None:
        self._graph = graph
        self._leaf = leaf
        self._question = question
        self._verify = path_verifier(question.purpose, question.at, question.max_depth)
        self._faults: dict[str, tuple[Finding, ...]] = {}
        self._sound: dict[str, bool] = {}
        self._too_long: set[Path] = set()
        self._cut = False

    def faults(self, node: Node) -> tuple[Finding, ...]:
        """What is wrong with a certificate as an issuer."""
        if node.digest not in self._faults:
            asked, trusted = self._question, self._graph.trusts(node)
            found = issuer_faults(node, asked.purpose, asked.at, trusted=trusted)
            self._faults[node.digest] = tuple(found)
        return self._faults[node.digest]

    def sound(self, node: Node) -> bool:
        """Whether nothing is wrong with a certificate as an issuer; told more quickly than what."""
        if node.digest not in self._sound:
            asked = self._question
            moment = int(asked.at.timestamp())
            timely = node.not_before <= moment <= node.not_after
            self._sound[node.digest] = timely and not self.faults(node)
        return self._sound[node.digest]

    def try_clean_paths(self, found: Paths) -> None:
        """Verify the paths in which no issuer is at fault by itself."""
        left = MAX_PATHS_VERIFIED
        walk = _Walk(self._graph, self._question.max_depth, MAX_PATHS_WALKED)
        for path in walk.paths(self._leaf, self.sound):
            if left == 0 or len(found.good) > MAX_ALTERNATES:
                break
            if self._hopeless(path):
                continue
            left -= 1
            words = self._objection(path)
            if words is not None:
                if not self._condemn(path, words):
                    found.refused.append((path, words))
                continue
            if not found.good:
                left = min(left, MAX_LATER_TRIES)
                walk.budget = min(walk.budget, _LATER_WALK)
            found.good.append(path)
        if not found.good and (left == 0 or walk.exhausted):
            text = "There are too many possible paths; the search stopped."
            found.findings.append(error(Code.SEARCH_LIMIT, text))

    def explain_faulty_paths(self, found: Paths) -> None:
        """Add the paths that lead through a certificate at fault; they are not worth verifying."""
        budget = _LATER_WALK if found.good else MAX_PATHS_WALKED
        walk = _Walk(self._graph, self._question.max_depth, budget)
        everything = walk.paths(self._leaf, lambda _: True)
        faulty = (path for path in everything if not all(map(self.sound, path[1:])))
        for path in islice(faulty, MAX_REFUSED):
            faults = (fault for node in path[1:] for fault in self.faults(node))
            found.refused.append((path, next(faults).message.removesuffix(".")))
        self._cut = walk.cut

    def too_deep(self) -> list[Finding]:
        """Whether paths were cut off because they would need more intermediates."""
        if not self._cut:
            return []
        most = self._question.max_depth
        text = f"No path leads to a trusted root with no more than {most} between it and the leaf."
        return [error(Code.PATH_LENGTH, text, self._leaf.label)]

    def _hopeless(self, path: Path) -> bool:
        """Whether an earlier refusal has already told that this path does not hold either."""
        if not all(map(self.sound, path[1:])):
            return True
        return any(path[:end] in self._too_long for end in range(2, len(path) + 1))

    def _condemn(self, path: Path, words: str) -> bool:
        """Find out which certificate a path was refused for; true when it is at fault by itself.

        A crowd has hundreds of paths through one bad certificate: one refusal does for all. For
        the leaf at hand, name constraints are a certificate's own fault; path lengths are the
        fault of the path up to there.
        """
        code, _ = plain_refusal(words)
        if code not in {Code.NAME_CONSTRAINTS, Code.PATH_LENGTH}:
            return False
        end = next((n for n in range(2, len(path) + 1) if self._refuses(path[:n])), 0)
        if not end:
            return False
        if code is Code.PATH_LENGTH:
            self._too_long.add(path[:end])
            return False
        culprit = path[end - 1]
        self._sound[culprit.digest] = False
        self._faults[culprit.digest] = (own_fault(culprit, words),)
        return True

    def _refuses(self, path: Path) -> bool:
        try:
            self._verify([node.certificate for node in path])
        except PathRefusedError:
            return True
        return False

    def _objection(self, path: Path) -> str | None:
        asked, certificates = self._question, [node.certificate for node in path]
        try:
            self._verify(certificates)
        except PathRefusedError as fault:
            return reason(fault)
        if not asked.strict:
            return None
        objections = web_objections(
            certificates, asked.purpose, asked.at, asked.max_depth, asked.host
        )
        return f"{STRICT}{'; '.join(objections)}" if objections else None


@dataclass(slots=True)
class _Walk:
    """A walk over loop-free paths with a budget of steps.

    ``exhausted``: the budget did not suffice. ``cut``: longer paths than allowed were left.
    """

    graph: IssuerGraph
    max_depth: int
    budget: int
    exhausted: bool = False
    cut: bool = False

    def paths(self, leaf: Node, usable: Usable) -> Iterator[Path]:
        """Paths that end in a trusted certificate, shortest first, best first among equals.

        Among paths of one length, the one whose certificates expire last comes first; the digests
        break ties, so that the order of the input never matters.
        """
        rooted = self.graph.rooted(leaf, usable)
        level: list[Path] = [(leaf,)] if leaf.identity in rooted else []
        for _ in range(self.max_depth + 2):
            trusted = (path for path in level if self.graph.trusts(path[-1]))
            yield from sorted(trusted, key=_preference)
            extended = self._extended(level, rooted, usable)
            level = list(islice(extended, self.budget))
            self.budget -= len(level)
            self.exhausted = self.exhausted or next(extended, None) is not None
        self.cut = bool(level)

    def _extended(
        self, paths: Sequence[Path], rooted: set[Identity], usable: Usable
    ) -> Iterator[Path]:
        """Each path with each issuer of its end that leads to trust and that it does not hold."""
        for path in paths:
            if path[-1].self_issued and self.graph.trusts(path[-1]):
                continue
            for issuer in self.graph.issuers(path[-1]):
                if self._leads_up(issuer, rooted) and usable(issuer) and _is_new(issuer, path):
                    yield (*path, issuer)

    def _leads_up(self, issuer: Node, rooted: set[Identity]) -> bool:
        if self.graph.trusts(issuer):
            return True
        return not rooted.isdisjoint(self.graph.claimed_issuers(issuer))


def _is_new(issuer: Node, path: Path) -> bool:
    return all(issuer.identity != node.identity for node in path)


def _preference(path: Path) -> tuple[int, tuple[str, ...]]:
    return (-min(node.not_after for node in path), tuple(node.digest for node in path))
