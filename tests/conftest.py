"""What all tests share: repetitions for fault tests, and their report."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from bench.machine import commit
from sealwire.clock import SystemClock
from tests.postgresql import PostgresqlServer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

DEFAULT_ROUNDS = 5

# A busy machine must not look like a fault, and a submission is judged by the same examples again.
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


def soak_rounds_asked() -> int:
    """How often a fault is repeated: ``SEALWIRE_SOAK``, five when unset, never fewer than one."""
    return max(1, int(os.environ.get("SEALWIRE_SOAK", str(DEFAULT_ROUNDS))))


@pytest.fixture(scope="session")
def soak_rounds() -> int:
    return soak_rounds_asked()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """One real server for the whole session; every test makes itself a database there."""
    with PostgresqlServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shared.db'}"
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return server.fresh_url()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak-report",
        metavar="FILE",
        default=None,
        help="append the outcome of every test marked soak to this Markdown file",
    )


class SoakReport:
    """Collects outcomes of soak tests and appends them, dated, when the session ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen: dict[str, list[pytest.TestReport]] = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.CallInfo[None], None]:
        outcome = yield
        report = outcome.get_result()  # type: ignore[attr-defined] # pluggy's Result
        marked = item.get_closest_marker("soak") is not None
        # A fault in set-up is an outcome too; a set-up or clean-up that went well is not a row.
        if marked and (report.when == "call" or report.failed):
            self.seen.setdefault(report.nodeid.partition("[")[0], []).append(report)

    def rows(self) -> list[str]:
        """One line a test, its cases added up; failed ones are named."""
        rows = []
        for name, reports in self.seen.items():
            failed = [report for report in reports if report.failed]
            outcome = f"{len(reports) - len(failed)} passed, {len(failed)} failed"
            cases = " ".join(report.nodeid.removeprefix(name) or report.when for report in failed)
            seconds = sum(report.duration for report in reports)
            rows.append(f"| `{name}` | {outcome} {cases}".rstrip() + f" | {seconds:.1f} |")
        return rows

    def figures(self) -> list[str]:
        """What tests recorded beside their outcome, a line each."""
        told = []
        for name, reports in self.seen.items():
            figures = [f"{key} {value}" for one in reports for key, value in one.user_properties]
            if figures:
                told.append(f"- `{name.rpartition('::')[2]}`: {', '.join(figures)}")
        return ["", *told] if told else []

    def pytest_sessionfinish(self) -> None:
        if not self.seen:
            return
        date = SystemClock().now().strftime("%Y-%m-%d %H:%M UTC")
        lines = [
            "",
            f"## Soak, {date}, commit {commit()}, {soak_rounds_asked()} repetitions",
            "",
            "| test | outcome | seconds |",
            "|---|---|--:|",
            *self.rows(),
            *self.figures(),
        ]
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    # A shell lets what it starts in the background ignore SIGINT, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asked = config.getoption("--soak-report")
    if asked:
        config.pluginmanager.register(SoakReport(Path(asked)), "soak-report")
