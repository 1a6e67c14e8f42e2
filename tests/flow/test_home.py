"""The home folder: who may look into it, who may use it, and what is written whole."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from sealwire.bootstrap.home import Home, HomeLock
from sealwire.config.node import read_config, remembered_settings
from sealwire.errors import RefusedError, UnavailableError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "deep" / "home")
    made.create()
    return made


def test_only_the_owner_may_look_in(home: Home) -> None:
    for folder in (home.root, home.keys, home.journal, home.credentials, home.run):
        assert mode(folder) == 0o700, folder
    home.create()


def test_one_node_at_a_time(home: Home) -> None:
    first, second = HomeLock(home), HomeLock(home)
    first.acquire()
    with pytest.raises(UnavailableError) as caught:
        second.acquire()
    assert (caught.value.code, caught.value.exit_code) == ("home.locked", 3)
    assert str(home.root) in caught.value.message
    first.release()
    first.release()
    second.acquire()
    second.release()
    assert mode(home.root / "lock") == 0o600


def test_the_lock_says_whether_the_last_who_had_it_died(home: Home) -> None:
    said = []
    for dies in (False, True, False, False):
        lock = HomeLock(home)
        lock.acquire()
        said.append(lock.left_behind)
        if dies:
            assert lock._descriptor is not None
            os.close(lock._descriptor)
        else:
            lock.release()
    assert said == [False, False, True, False]


def test_the_lock_is_not_handed_to_children(home: Home) -> None:
    lock = HomeLock(home)
    lock.acquire()
    assert lock._descriptor is not None
    assert not os.get_inheritable(lock._descriptor)
    lock.release()


def test_private_files_appear_whole(home: Home) -> None:
    path = home.credentials / "some.pem"
    for content in (b"first", b"second and longer", b""):
        home.write_private(path, content)
        assert path.read_bytes() == content
        assert mode(path) == 0o600
    assert [each.name for each in home.credentials.iterdir()] == ["some.pem"]


def test_a_private_file_is_private_whatever_lay_there(home: Home) -> None:
    # What a crash may have left, or somebody put there to read along.
    draft = home.credentials / "some.pem.new"
    draft.touch(mode=0o644)
    home.write_private(home.credentials / "some.pem", b"secret")
    assert mode(home.credentials / "some.pem") == 0o600


def test_what_a_node_says_of_itself(home: Home) -> None:
    assert home.state() == {}
    for text in ("{", "[]", "7", "\udcff"):
        home.state_file.write_bytes(text.encode("utf-8", "surrogateescape"))
        assert home.state() == {}
    home.state_file.write_text('{"pid": 1}')
    assert home.state() == {"pid": 1}


def test_remembered_settings(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    assert remembered_settings(path) == {}
    path.write_text('{"unit": "unit-2"}')
    assert remembered_settings(path) == {"unit": "unit-2"}
    for text in (b"{", b"[]", b"\xff", b""):
        path.write_bytes(text)
        with pytest.raises(RefusedError) as caught:
            remembered_settings(path)
        assert caught.value.code == "config.damaged"


def test_a_configuration_file(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    with pytest.raises(UsageError):
        read_config(path)
    path.write_bytes(b'host_name = "\xff"')
    with pytest.raises(UsageError):
        read_config(path)
    path.write_text(f'home = "{tmp_path}/home"\nroles = ["ca"]\nhttp_port = 0\n')
    config = read_config(path)
    assert (sorted(config.roles), config.http_port) == (["ca"], 0)
    path.write_text("http_port = -1\nsurprise = 1\n")
    with pytest.raises(RefusedError) as caught:
        read_config(path)
    assert {f.subject for f in caught.value.findings} == {"http_port", "surprise"}
