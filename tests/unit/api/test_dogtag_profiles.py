"""Dogtag's profiles: lists, both shapes, into force and out of it, made and changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.access.roles import Role
from tests.unit.api.dogtag import REST, Client, refused
from tests.unit.api.scene import OWNER, ApiScene, Caller, caller_of

if TYPE_CHECKING:
    import httpx

NOT_FOUND = "com.netscape.certsrv.profile.ProfileNotFoundException"
FIRST_SHAPE = {"Content-Type": "application/json"}
"""What Dogtag's Python client sends with a GET."""


@pytest.fixture
def agent() -> Client:
    return Client(ApiScene())


@pytest.fixture
def owner(agent: Client) -> Client:
    return Client(agent.scene, Caller(local_user=OWNER))


def switch(client: Client, profile: str, action: str) -> httpx.Response:
    return client.ask("POST", f"{REST}/profiles/{profile}?action={action}")


def put(client: Client, profile: str, body: object) -> httpx.Response:
    return client.ask("PUT", f"{REST}/profiles/{profile}", content=json.dumps(body))


def test_hidden_profiles_are_for_agents(agent: Client) -> None:
    stranger = Client(agent.scene, Caller())
    shown, known = (
        {each["profileId"] for each in client.get("/profiles")["entries"]}
        for client in (stranger, agent)
    )
    assert known - shown >= {"caUserCert"}
    entry = next(e for e in agent.get("/profiles")["entries"] if e["profileId"] == "caServerCert")
    assert entry["profileURL"] == "https://node.test/ca/rest/profiles/caServerCert"
    assert (entry["profileEnable"], entry["profileVisible"]) == (True, True)
    got = stranger.ask("GET", f"{REST}/profiles/caUserCert")
    text = "Profile ID caUserCert not found"
    refused(got, 404, NOT_FOUND, text, profileId="caUserCert")
    assert agent.get("/profiles/caUserCert")["visible"] is False


def test_a_profile_in_both_shapes(agent: Client) -> None:
    shown = agent.get("/profiles/caServerCert")
    assert shown["inputs"] == shown["Input"]
    assert shown["outputs"] == shown["Output"]
    assert shown["outputs"][0]["attributes"][0]["name"] == "pretty_cert"
    policies = shown["policySets"]["serverCertSet"]
    assert shown["PolicySets"] == {"PolicySet": [{"id": "serverCertSet", "value": policies}]}
    assert (shown["classId"], shown["enabled"], shown["renewal"]) == ("caEnrollImpl", True, False)
    # The client would put what is under "inputs" among its own objects.
    first = agent.get("/profiles/caServerCert", headers=FIRST_SHAPE)
    assert set(shown) - set(first) == {"inputs", "outputs"}


def test_enable_and_disable(agent: Client) -> None:
    refused(switch(agent, "caServerCert", "enable"), 409, "ConflictingOperationException")
    assert switch(agent, "caServerCert", "disable").status_code == 204
    assert agent.get("/profiles/caServerCert")["enabled"] is False
    refused(switch(agent, "caServerCert", "disable"), 409, "ConflictingOperationException")
    assert switch(agent, "caServerCert", "enable").status_code == 204
    shown = agent.get("/profiles/caServerCert")
    assert (shown["enabled"], shown["enabledBy"]) == (True, "agent")
    assert agent.scene.texts()[-1] == (
        "[AuditEvent=CERT_PROFILE_APPROVAL][SubjectID=agent][Outcome=Success]"
        "[ProfileID=caServerCert][Op=approve] certificate profile approval"
    )
    refused(switch(agent, "caServerCert", "burn"), 400, "BadRequestException", "Invalid operation")
    refused(switch(agent, "caServerCert", ""), 400, "BadRequestException")
    text = "Profile ID nosuch not found"
    refused(switch(agent, "nosuch", "enable"), 404, NOT_FOUND, text, profileId="nosuch")


def sample(**changes: object) -> dict[str, Any]:
    """As Dogtag's Python client makes one."""
    return {
        "id": "MySampleProfile",
        "classId": "caEnrollImpl",
        "name": "My Sample User Cert Enrollment",
        "description": "Example User Cert Enroll Impl",
        "enabled": False,
        "visible": False,
        "renewal": False,
        "xmlOutput": False,
        "Input": [{"id": "i1", "ClassID": None, "Name": "x"} | {"ClassID": "certReqInputImpl"}],
        "Output": [],
        "PolicySets": {
            "PolicySet": [
                {
                    "id": "userCertSet",
                    "value": [
                        policy(
                            "1",
                            "userSubjectNameDefaultImpl",
                            {},
                            "subjectNameConstraintImpl",
                            {"pattern": "UID=.*"},
                        ),
                        policy(
                            "2",
                            "validityDefaultImpl",
                            {"range": 180, "startTime": 0},
                            "validityConstraintImpl",
                            {"range": 365, "notBeforeCheck": False},
                        ),
                    ],
                }
            ]
        },
        **changes,
    }


def policy(
    number: str, default: str, params: dict[str, Any], constraint: str, values: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": number,
        "def": {
            "classId": default,
            "params": [{"name": name, "value": value} for name, value in params.items()],
        },
        "constraint": {
            "classId": constraint,
            "constraint": [{"id": name, "value": value} for name, value in values.items()],
        },
    }


def with_policies(*policies: dict[str, Any]) -> dict[str, Any]:
    return sample(PolicySets={"PolicySet": [{"id": "userCertSet", "value": list(policies)}]})


def test_create_enable_use_remove(agent: Client, owner: Client) -> None:
    got = owner.post("/profiles", sample())
    assert got.status_code == 201, got.text
    assert got.headers["location"] == "https://node.test/ca/rest/profiles/MySampleProfile"
    made = got.json()
    assert "inputs" not in made
    assert (made["enabled"], made["name"]) == (False, "My Sample User Cert Enrollment")
    refused(owner.post("/profiles", sample()), 409, "ConflictingOperationException")
    assert switch(agent, "MySampleProfile", "enable").status_code == 204
    assert agent.submit("UID=x", "MySampleProfile")["requestStatus"] == "pending"
    reason = agent.submit("CN=x", "MySampleProfile")["errorMessage"]
    assert reason == "Subject Name Not Matched CN=x"
    removed = owner.ask("DELETE", f"{REST}/profiles/MySampleProfile")
    refused(removed, 409, "ConflictingOperationException")
    switch(agent, "MySampleProfile", "disable")
    assert owner.ask("DELETE", f"{REST}/profiles/MySampleProfile").status_code == 204
    got = agent.ask("GET", f"{REST}/profiles/MySampleProfile")
    text = "Profile ID MySampleProfile not found"
    refused(got, 404, NOT_FOUND, text, profileId="MySampleProfile")


SHIPPED = [
    "caServerCert",
    "caUserCert",
    "caCACert",
    "caAuditClientCert",
    "caAuditServerCert",
    "caOCSPCert",
    "caSignedLogCert",
]


@pytest.mark.parametrize("profile", SHIPPED)
@pytest.mark.parametrize("headers", [{}, FIRST_SHAPE])
def test_what_is_shown_can_be_put_back(
    agent: Client, owner: Client, profile: str, headers: dict[str, str]
) -> None:
    shown = owner.get(f"/profiles/{profile}", headers=headers)
    before = agent.scene.base.ca.profile(profile)
    switch(agent, profile, "disable")
    got = put(owner, profile, {**shown, "description": "Changed."})
    assert got.status_code == 200, got.text
    assert got.json()["description"] == "Changed."
    after = agent.scene.base.ca.profile(profile)
    assert after == before.model_copy(update={"description": "Changed."})


def test_what_the_python_client_changed_counts(agent: Client, owner: Client) -> None:
    shown = owner.get("/profiles/caServerCert", headers=FIRST_SHAPE)
    switch(agent, "caServerCert", "disable")
    subject = shown["PolicySets"]["PolicySet"][0]["value"][0]["constraint"]
    subject["constraint"][0]["value"] = "CN=.*,O=Example"
    assert put(owner, "caServerCert", shown).status_code == 200
    pattern = agent.scene.base.ca.profile("caServerCert").constraints.subject.pattern
    assert pattern == "CN=.*,O=Example"


def test_a_policy_left_out_is_gone(agent: Client, owner: Client) -> None:
    shown = owner.get("/profiles/caServerCert", headers=FIRST_SHAPE)
    switch(agent, "caServerCert", "disable")
    value = shown["PolicySets"]["PolicySet"][0]["value"]
    kept = [each for each in value if each["id"] not in {"9", "12"}]
    shown["PolicySets"]["PolicySet"][0]["value"] = kept
    assert put(owner, "caServerCert", shown).status_code == 200
    names = agent.scene.base.ca.profile("caServerCert").defaults.names
    assert (names.from_common_name, names.from_request) == (False, ())


def test_a_whole_profile_of_dogtag(agent: Client, owner: Client) -> None:
    usage = {
        "keyUsageCritical": "true",
        "keyUsageDigitalSignature": "true",
        "keyUsageKeyEncipherment": "true",
        "keyUsageCrlSign": "false",
    }
    body = with_policies(
        policy("1", "noDefaultImpl", {}, "uniqueSubjectNameConstraintImpl", {}),
        policy("2", "noDefaultImpl", {}, "uniqueKeyConstraintImpl", {}),
        policy(
            "3",
            "userKeyDefaultImpl",
            {},
            "keyConstraintImpl",
            {"keyType": "-", "keyParameters": "1024,2048,nistp256,nistp521"},
        ),
        policy("4", "authorityKeyIdentifierExtDefaultImpl", {}, "noConstraintImpl", {}),
        policy(
            "5",
            "authInfoAccessExtDefaultImpl",
            {
                "authInfoAccessADEnable_0": "true",
                "authInfoAccessADLocation_0": "",
                "authInfoAccessADLocationType_0": "URIName",
                "authInfoAccessADMethod_0": "1.3.6.1.5.5.7.48.1",
                "authInfoAccessCritical": "false",
                "authInfoAccessNumADs": "1",
            },
            "noConstraintImpl",
            {},
        ),
        policy("6", "keyUsageExtDefaultImpl", usage, "keyUsageExtConstraintImpl", usage),
        policy(
            "7",
            "extendedKeyUsageExtDefaultImpl",
            {"exKeyUsageCritical": "false", "exKeyUsageOIDs": "1.3.6.1.5.5.7.3.1"},
            "noConstraintImpl",
            {},
        ),
        policy(
            "8",
            "signingAlgDefaultImpl",
            {"signingAlg": "-"},
            "signingAlgConstraintImpl",
            {"signingAlgsAllowed": "SHA256withRSA,SHA256withEC,SHA256withRSA/PSS,ML-DSA-44"},
        ),
        policy("12", "commonNameToSANDefaultImpl", {}, "noConstraintImpl", {}),
    )
    got = owner.post("/profiles", body)
    assert got.status_code == 201, got.text
    made = agent.scene.base.ca.profile_register.get("MySampleProfile").profile
    assert made.constraints.subject.unique
    assert made.constraints.key.model_dump(mode="json") == {
        "rsa": [2048],
        "ec": ["nistp256"],
        "unique": True,
    }
    assert made.constraints.signing.algorithms == ("SHA256withRSA", "SHA256withEC")
    assert made.defaults.key_usage.rsa == ("digitalSignature", "keyEncipherment")
    assert made.defaults.key_usage.ec == ("digitalSignature",)
    assert made.defaults.names.from_common_name


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "profile_id"),
        (sample(id="../x"), "profile_id"),
        (sample(id=None), "profile_id"),
        (sample(name=""), "name"),
        (sample(name="a\nb"), "name"),
        (sample(Input=[]), "inputs"),
        (sample(Input=[{"ClassID": "imageInputImpl"}]), "imageInputImpl"),
        (sample(Input="x"), "Input"),
        (sample(PolicySets={"PolicySet": [{"id": "a", "value": []}] * 2 + [{"id": "b"}]}), "set"),
        (with_policies(policy("1", "nsTokenImpl", {}, "noConstraintImpl", {})), "nsTokenImpl"),
        (with_policies(policy("1", "noDefaultImpl", {}, "odd", {})), "constraint odd"),
        (
            with_policies(
                policy("1", "validityDefaultImpl", {"range": "x"}, "noConstraintImpl", {})
            ),
            "range",
        ),
        (
            with_policies(
                policy("1", "validityDefaultImpl", {"range": 999}, "noConstraintImpl", {})
            ),
            "longer",
        ),
        (
            with_policies(
                policy(
                    "1",
                    "validityDefaultImpl",
                    {"range": 1, "rangeUnit": "year"},
                    "noConstraintImpl",
                    {},
                )
            ),
            "rangeUnit",
        ),
        (
            with_policies(
                policy(
                    "1",
                    "extendedKeyUsageExtDefaultImpl",
                    {"exKeyUsageOIDs": "1.2.3"},
                    "noConstraintImpl",
                    {},
                )
            ),
            "1.2.3",
        ),
        (
            with_policies(
                policy(
                    "1",
                    "keyUsageExtDefaultImpl",
                    {"keyUsageEncipherOnly": True},
                    "noConstraintImpl",
                    {},
                )
            ),
            "keyUsageEncipherOnly",
        ),
        (
            with_policies(
                policy(
                    "1", "userKeyDefaultImpl", {}, "keyConstraintImpl", {"keyParameters": "1024"}
                )
            ),
            "key",
        ),
        (
            with_policies(
                policy(
                    "1",
                    "authInfoAccessExtDefaultImpl",
                    {"authInfoAccessADLocation_0": "http://x.test"},
                    "noConstraintImpl",
                    {},
                )
            ),
            "authInfoAccessADLocation_0",
        ),
        (
            with_policies(
                policy("1", "noDefaultImpl", {}, "subjectNameConstraintImpl", {"pattern": "("})
            ),
            "pattern",
        ),
    ],
)
def test_profiles_that_cannot_be(owner: Client, body: dict[str, Any], says: str) -> None:
    error = refused(owner.post("/profiles", body), 400, "BadRequestException")
    assert says in error["Message"]


def test_only_what_is_out_of_force_is_changed(owner: Client) -> None:
    shown = owner.get("/profiles/caServerCert")
    refused(put(owner, "caServerCert", shown), 409, "ConflictingOperationException")
    error = refused(
        put(owner, "caServerCert", {**shown, "id": "other"}), 400, "BadRequestException"
    )
    assert error["Message"] == "Unable to modify profile: Invalid Profile Id"


def test_agents_put_into_force_and_administrators_write(agent: Client) -> None:
    administrator = Client(agent.scene, caller_of(Role.ADMINISTRATOR))
    refused(agent.post("/profiles", sample()), 403, "ForbiddenException")
    refused(switch(administrator, "caServerCert", "disable"), 403, "ForbiddenException")
    assert administrator.post("/profiles", sample()).status_code == 201


# --- Dogtag's own format --------------------------------------------------------------------------


def raw(client: Client, profile: str) -> str:
    got = client.ask("GET", f"{REST}/profiles/{profile}/raw")
    assert got.status_code == 200, got.text
    assert got.headers["content-type"] == "text/plain; charset=utf-8"
    return got.text


def test_raw(agent: Client) -> None:
    lines = raw(agent, "caServerCert").splitlines()
    for line in (
        "profileId=caServerCert",
        "classId=caEnrollImpl",
        "input.i1.class_id=certReqInputImpl",
        "policyset.list=serverCertSet",
        "policyset.serverCertSet.1.constraint.params.pattern=.*CN=.*",
        "policyset.serverCertSet.2.default.params.range=720",
    ):
        assert line in lines
    stranger = Client(agent.scene, Caller())
    got = stranger.ask("GET", f"{REST}/profiles/caUserCert/raw")
    refused(got, 404, NOT_FOUND, profileId="caUserCert")


@pytest.mark.parametrize("profile", SHIPPED)
def test_raw_can_be_put_back(agent: Client, owner: Client, profile: str) -> None:
    before = agent.scene.base.ca.profile(profile)
    text = raw(owner, profile).replace("desc=", "# a remark\r\n\r\ndesc=Changed: ")
    path = f"{REST}/profiles/{profile}/raw"
    refused(owner.ask("PUT", path, content=text), 409, "ConflictingOperationException")
    switch(agent, profile, "disable")
    got = owner.ask("PUT", path, content=text)
    assert got.status_code == 200, got.text
    assert "desc=Changed: " in got.text
    after = agent.scene.base.ca.profile(profile)
    description = f"Changed: {before.description}"
    assert after == before.model_copy(update={"description": description})


def test_raw_makes_a_profile(agent: Client, owner: Client) -> None:
    text = raw(owner, "caServerCert").replace("profileId=caServerCert", "profileId=ours")
    got = owner.ask("POST", f"{REST}/profiles/raw", content=text)
    assert (got.status_code, "enable=false" in got.text) == (201, True)
    assert got.headers["location"] == "https://node.test/ca/rest/profiles/ours/raw"
    got = owner.ask("POST", f"{REST}/profiles/raw", content=text)
    refused(got, 409, "ConflictingOperationException")
    assert agent.get("/profiles/ours")["enabled"] is False


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "profile_id"),
        (b"\xff", "UTF-8"),
        (b"no sense", "name=value"),
        (b"profileId=x\nupdater.list=u1", "updater.list"),
        (b"profileId=x\nauth.instance_id=AgentCertAuth", "authenticatorId"),
        (b"profileId=x\nauthz.acl=group=somebody", "authzAcl"),
        (b"profileId=x\nrenewal=true", "renewal"),
        (b"profileId=x\ninput.list=i1", "no such plug-in"),
        (b"profileId=x\npolicyset.list=a,b", "policy set"),
        (
            b"profileId=x\npolicyset.list=a\npolicyset.a.list=1\npolicyset.a.1.default.class_id=y",
            "y",
        ),
    ],
)
def test_raw_that_cannot_be(owner: Client, text: bytes, says: str) -> None:
    error = refused(
        owner.ask("POST", f"{REST}/profiles/raw", content=text), 400, "BadRequestException"
    )
    assert says in error["Message"]


def test_lists_narrowed_down(agent: Client) -> None:
    switch(agent, "caServerCert", "disable")

    def found(**query: str) -> set[str]:
        entries = agent.get("/profiles", params=query)["entries"]
        return {each["profileId"] for each in entries}

    assert found(enable="false") == {"caServerCert"} == found(enableBy="agent")
    assert "caServerCert" not in found(enable="true")
    assert "caUserCert" in found(visible="false")
    assert "caUserCert" not in found(visible="true")
