"""The rules of the code hold, and breaking one is noticed."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "sealwire"
MODULES = sorted(SOURCE.rglob("*.py"))

LONGEST_MODULE = 400
LONGEST_FUNCTION = 50

# What may be longer, each with its reason.
LONG_MODULES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {
    "stores/migrations/versions/v0001_first_tables.py:upgrade": "table after table, nothing else",
}

BELOW_IO = ("ca", "appliance", "sensor", "access", "identity", "audit", "x509", "syslog")


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Of a module's tree; each is parsed once for all rules."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in nodes(path) if isinstance(node, kinds)]


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of code: the docstring does not count against a function."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def test_no_module_is_too_long() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in MODULES}
    assert lengths, f"no modules under {SOURCE}"
    too_long = {name: count for name, count in lengths.items() if count > LONGEST_MODULE}
    assert set(too_long) == set(LONG_MODULES), too_long


def test_no_function_is_too_long() -> None:
    too_long = {
        f"{name_of(path)}:{node.name}": count
        for path in MODULES
        for node in functions(path)
        if (count := function_lines(node)) > LONGEST_FUNCTION
    }
    assert set(too_long) == set(LONG_FUNCTIONS), too_long


def test_most_functions_are_short() -> None:
    lengths = sorted(function_lines(node) for path in MODULES for node in functions(path))
    assert lengths[len(lengths) // 2] < 15


def test_the_core_opens_no_files() -> None:
    calls = {
        f"{name_of(path)}:{node.lineno}"
        for package in BELOW_IO
        for path in sorted((SOURCE / package).rglob("*.py"))
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"open", "__import__", "exec", "eval"}
    }
    assert calls == set()


def test_core_and_ports_are_synchronous() -> None:
    asynchronous = {
        f"{name_of(path)}:{node.name}"
        for package in BELOW_IO
        for path in sorted((SOURCE / package).rglob("*.py"))
        for node in functions(path)
        if isinstance(node, ast.AsyncFunctionDef)
    }
    assert asynchronous == set()


# --- the import contracts, tried out on a copy with one offence ---------------------------------


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of this project against the package in ``folder``."""
    program = Path(sys.executable).with_name("lint-imports")
    assert program.exists(), "lint-imports is not installed: run 'make lint'"
    return subprocess.run(
        [program, "--no-cache", "--config", ROOT / "pyproject.toml"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def package_copy(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SOURCE, tmp_path / "sealwire", ignore=ignored)
    return tmp_path


def test_the_contracts_hold(package_copy: Path) -> None:
    result = lint_imports(package_copy)
    assert result.returncode == 0, result.stdout + result.stderr


LAYERS = "layers: imports go down only"
CORE = "no direct I/O below layer 6"
PORTS = "only bootstrap and the command meet stores and net"
WEB = "web apps are handed their use cases"
ISSUE = "only the CA's own use cases may issue"
CYCLES = "no cycles"

OFFENCES = [
    ("x509/upwards.py", "import sealwire.audit", LAYERS),
    ("x509/sideways.py", "import sealwire.syslog", LAYERS),
    ("api/upwards.py", "import sealwire.bootstrap", LAYERS),
    ("console/sideways.py", "import sealwire.api", LAYERS),
    ("console/skips.py", "import sealwire.net", PORTS),
    ("sensor/sideways.py", "import sealwire.ca", LAYERS),
    ("audit/opens.py", "import socket", CORE),
    ("ca/opens.py", "from pathlib import Path", CORE),
    ("identity/opens.py", "def late():\n    import sqlalchemy", CORE),
    ("api/skips.py", "from sealwire import stores", PORTS),
    ("stores/sideways.py", "import sealwire.net", PORTS),
    ("api/configures.py", "import sealwire.config", WEB),
    ("cli/issues.py", "import sealwire.ca.issuance", ISSUE),
    ("ca/issues.py", "import sealwire.ca.issuance", ISSUE),
    ("audit/ring_a.py", "import sealwire.audit.ring_b", CYCLES),
]
NAMED = {CYCLES: ".ring_"}
"""How an offence is named under its contract, where that is not by the whole module's name."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is said under each contract when all offences are committed in one copy."""
    folder = tmp_path_factory.mktemp("offences")
    shutil.copytree(
        SOURCE, folder / "sealwire", ignore=shutil.ignore_patterns("__pycache__", "*.html", "*.css")
    )
    for file, text, _ in [*OFFENCES, ("audit/ring_b.py", "import sealwire.audit.ring_a", CYCLES)]:
        path = folder / "sealwire" / file
        assert not path.exists()
        path.write_text(text + "\n", encoding="utf-8")
    result = lint_imports(folder)
    assert result.returncode == 1, result.stdout + result.stderr
    # Each broken contract's name stands over a line as long as it.
    sections = re.split(
        r"^(.+)\n-+\n", result.stdout.partition("Broken contracts")[2], flags=re.MULTILINE
    )
    return dict(zip(sections[1::2], sections[2::2], strict=True))


@pytest.mark.parametrize(("file", "contract"), [(file, name) for file, _, name in OFFENCES])
def test_an_offence_breaks_its_contract(told: dict[str, str], file: str, contract: str) -> None:
    module = "sealwire." + file.removesuffix(".py").replace("/", ".")
    assert NAMED.get(contract, f"{module} -> ") in told[contract]


def test_a_package_of_no_layer_breaks_the_layers(package_copy: Path) -> None:
    (package_copy / "sealwire" / "utils.py").touch()
    result = lint_imports(package_copy)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "utils" in result.stdout
    assert f"{LAYERS} BROKEN" in " ".join(result.stdout.split())


def test_every_contract_has_an_offence() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    assert {contract["name"] for contract in contracts} == {offence[2] for offence in OFFENCES}


# --- what set-up relies on -----------------------------------------------------------------------


def pins(lock: str) -> set[str]:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    return {line.split()[0] for line in lines if line and not line.startswith((" ", "#"))}


def test_the_locks_agree_and_name_no_address() -> None:
    assert pins("requirements.lock") <= pins("requirements-dev.lock")
    for lock in ("requirements.lock", "requirements-dev.lock"):
        assert "://" not in (ROOT / lock).read_text(encoding="utf-8")


def test_every_dependency_is_locked() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    locked = {pin.partition("==")[0] for pin in pins("requirements-dev.lock")}
    asked = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["dev"],
        *project["build-system"]["requires"],
    ]
    names = {text.split(">")[0].split("=")[0].split("[")[0].strip() for text in asked}
    assert names <= locked
    assert project["dependency-groups"]["build"] == project["build-system"]["requires"]
