"""Revocation lists and the doctor over the API."""

from __future__ import annotations

import base64
import dataclasses
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.access.roles import Role
from sealwire.api.app import create_app
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.errors import UnavailableError
from sealwire.identity.checkup import Ailment, CheckStep, Checkup, StepName, failed, fault
from sealwire.identity.peer_lists import PeerLists
from sealwire.identity.revocation import Side
from tests.pki import family
from tests.unit.api.scene import ApiScene, ask, caller_of, problem
from tests.unit.x509.test_revocation import crl, der

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from sealwire.errors import SealwireError
    from sealwire.identity.examination import Question

LISTS = "/api/v1/trust/crls/appliance"
URL = "http://crl.example.com/issuing.crl"
FAMILY = family()
LIST = der(crl(FAMILY.issuing, [FAMILY.leaf]))


class ScriptedExaminer:
    """Finds nobody listening; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    def __call__(self, question: Question) -> Checkup:
        self.asked.append(question)
        remark = fault(Ailment.TCP_REFUSED, "no program listens", "start it")
        return Checkup(question.host, question.port, (CheckStep(StepName.TCP, failed(remark)),))


class Scene:
    def __init__(self) -> None:
        node = ApiScene()
        recorder = Recorder(node.base.clock, "node.example.com", AuditFormat.V10_4_5, "0.1.0")
        self.pages: dict[str, bytes] = {}
        lists = PeerLists(
            node.base.store,
            recorder,
            node.base.clock,
            side=Side.APPLIANCE,
            fetch=self.fetch,
            turn=nullcontext(),
        )
        self.examiner = ScriptedExaminer()
        services = dataclasses.replace(
            node.services, peer_lists={"appliance": lists}, doctor=self.examiner
        )
        self.node = node
        self.app = create_app(
            services, version="0.1.0", clock=node.base.clock, random=node.base.random
        )

    def fetch(self, locations: Sequence[str]) -> Sequence[bytes | SealwireError]:
        gone = UnavailableError("crl.unreachable", "nobody answers")
        return [self.pages.get(location, gone) for location in locations]

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return ask(self.app, method, path, caller_of(Role.OPERATOR), json=body)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_list_is_added_listed_refreshed_and_removed(scene: Scene) -> None:
    body = {"name": "issuing", "location": URL, "refresh_seconds": 600}
    added = scene.ask("POST", LISTS, body)
    assert added.status_code == 201
    assert added.json()["last_error"] == "nobody answers"
    scene.pages[URL] = LIST
    (refreshed,) = scene.ask("POST", f"{LISTS}/refresh").json()
    assert refreshed == {
        "name": "issuing",
        "location": URL,
        "stale_policy": "soft",
        "refresh_seconds": 600,
        "issuer": "CN=Test Issuing CA",
        "this_update": "2026-11-20T12:00:00.000000Z",
        "next_update": "2026-11-22T12:00:00.000000Z",
        "entries": 1,
        "bytes": len(LIST),
        "checked": refreshed["checked"],
        "loaded": refreshed["checked"],
        "last_error": "",
    }
    assert scene.ask("GET", LISTS).json() == [refreshed]
    assert scene.ask("POST", f"{LISTS}/issuing/refresh").json() == [refreshed]
    assert scene.ask("DELETE", f"{LISTS}/issuing").status_code == 204
    assert scene.ask("GET", LISTS).json() == []
    texts = scene.node.texts("appliance")
    assert [("crl-add" in text, "crl-remove" in text) for text in texts] == [
        (True, False),
        (False, True),
    ]


def test_a_list_is_handed_in(scene: Scene) -> None:
    content = base64.b64encode(LIST).decode()
    added = scene.ask("POST", LISTS, {"name": "given", "content": content})
    assert (added.status_code, added.json()["entries"]) == (201, 1)
    again = scene.ask("POST", LISTS, {"name": "given", "content": content})
    problem(again, 409, "crl.exists")


def test_what_is_refused(scene: Scene) -> None:
    wrong = problem(scene.ask("POST", LISTS, {"name": "a b", "location": "x"}), 422, "crl.invalid")
    assert [each["code"] for each in wrong["findings"]] == ["crl.location", "crl.name"]
    junk = base64.b64encode(b"junk").decode()
    problem(scene.ask("POST", LISTS, {"name": "a", "content": junk}), 422, "crl.unreadable")
    problem(scene.ask("POST", LISTS, {"name": "a", "content": "%"}), 400, "input.base64")
    problem(scene.ask("DELETE", f"{LISTS}/absent"), 404, "crl.unknown")
    problem(scene.ask("POST", f"{LISTS}/absent/refresh"), 404, "crl.unknown")
    problem(scene.ask("GET", "/api/v1/trust/crls/sensor"), 404, "role.absent")


def test_the_doctor_is_asked(scene: Scene) -> None:
    body = {
        "host": "sensor.example.com",
        "trust": "PEM",
        "crls": [base64.b64encode(LIST).decode()],
        "show_certificate": True,
        "message": False,
        "timeout": 1.5,
    }
    told = scene.ask("POST", "/api/v1/doctor", body).json()
    assert (told["ok"], told["reachable"]) == (False, False)
    assert told["findings"][0]["code"] == "tcp.refused"
    (question,) = scene.examiner.asked
    assert (question.port, question.timeout, question.lists) == (6514, 1.5, (LIST,))
    assert (question.show_own, question.message, question.trust_pem) == (True, False, "PEM")


@pytest.mark.parametrize(
    "changes", [{"timeout": 16}, {"timeout": 0}, {"port": 0}, {"host": ""}, {"crls": ["%"]}]
)
def test_a_doctor_is_not_asked_for_ever(scene: Scene, changes: dict[str, object]) -> None:
    body = {"host": "sensor.example.com", **changes}
    assert scene.ask("POST", "/api/v1/doctor", body).status_code in {400, 422}
    assert scene.examiner.asked == []
