import re
import tomllib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.ca.profiles import (
    EllipticCurve,
    KeyUsageBit,
    NameKind,
    Profile,
    Purpose,
    SigningAlgorithm,
    catalogue,
    parse_profile,
    shipped_profiles,
)
from sealwire.errors import NotFoundError, RefusedError

FOLDER = resources.files("sealwire.ca") / "profiles_data"
SERVER = (FOLDER / "caServerCert.toml").read_bytes()


def refused(data: bytes) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        parse_profile(data, source="x.toml")
    assert caught.value.code == "profile.invalid"
    assert caught.value.findings
    return caught.value


def test_the_shipped_profiles() -> None:
    ids = [profile.profile_id for profile in shipped_profiles().all()]
    assert ids == [
        "caAuditClientCert",
        "caAuditServerCert",
        "caCACert",
        "caOCSPCert",
        "caServerCert",
        "caSignedLogCert",
        "caUserCert",
    ]


def test_the_server_profile_is_dogtags() -> None:
    profile = shipped_profiles().get("caServerCert")
    assert profile.name == "Manual Server Certificate Enrollment"
    assert profile.description == ("This certificate profile is for enrolling server certificates.")
    assert profile.visible
    assert profile.policy_set == "serverCertSet"
    assert profile.constraints.subject.pattern == ".*CN=.*"
    assert profile.defaults.validity.days == profile.constraints.validity.maximum_days == 720
    assert profile.constraints.key.rsa == (2048, 3072, 4096)
    assert profile.constraints.key.ec == ()
    assert set(profile.constraints.signing.algorithms) == set(SigningAlgorithm)
    assert profile.defaults.key_usage.critical
    assert set(profile.defaults.key_usage.rsa) == {
        KeyUsageBit.DIGITAL_SIGNATURE,
        KeyUsageBit.DATA_ENCIPHERMENT,
        KeyUsageBit.KEY_ENCIPHERMENT,
    }
    assert profile.defaults.extended_key_usage.purposes == (
        Purpose.SERVER_AUTH,
        Purpose.CLIENT_AUTH,
    )
    assert profile.defaults.names.from_common_name
    assert profile.defaults.names.from_request == (NameKind.DNS, NameKind.IP)


def test_the_user_profile_is_dogtags() -> None:
    profile = shipped_profiles().get("caUserCert")
    assert not profile.visible
    assert profile.constraints.subject.pattern == "UID=.*"
    assert profile.defaults.validity.days == 180
    assert profile.constraints.validity.maximum_days == 365
    assert profile.constraints.key.rsa == (2048, 3072, 4096)
    assert profile.defaults.extended_key_usage.purposes == (
        Purpose.CLIENT_AUTH,
        Purpose.EMAIL_PROTECTION,
    )
    assert profile.defaults.names.from_request == ()


@pytest.mark.parametrize(
    ("profile_id", "purpose"),
    [
        ("caAuditClientCert", Purpose.CLIENT_AUTH),
        ("caAuditServerCert", Purpose.SERVER_AUTH),
    ],
)
def test_the_audit_profiles_have_one_purpose_and_both_key_types(
    profile_id: str, purpose: Purpose
) -> None:
    profile = shipped_profiles().get(profile_id)
    assert profile.defaults.extended_key_usage.purposes == (purpose,)
    assert profile.constraints.key.rsa
    assert profile.constraints.key.ec == (EllipticCurve.P256, EllipticCurve.P384)
    assert profile.defaults.key_usage.ec == (KeyUsageBit.DIGITAL_SIGNATURE,)


def test_no_shipped_profile_takes_a_weak_key() -> None:
    assert all(min(p.constraints.key.rsa) >= 2048 for p in shipped_profiles().all())


def test_an_unknown_profile_in_dogtags_words() -> None:
    with pytest.raises(NotFoundError, match=r"^Profile caNoSuch Not Found$"):
        shipped_profiles().get("caNoSuch")


def test_the_digest_is_of_the_content_not_of_the_layout() -> None:
    plain = parse_profile(SERVER, source="x.toml")
    commented = parse_profile(b"# more words\n\n" + SERVER, source="y.toml")
    assert plain.digest == commented.digest
    assert re.fullmatch("[0-9a-f]{64}", plain.digest)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"days = 720", b"days = 719"),
        (b"2048, 3072", b"3072"),
        (b"wildcards = true", b"wildcards = false"),
        (b'".*CN=.*"', b'"CN=.*"'),
        (b"visible = true", b"visible = false"),
    ],
)
def test_every_change_changes_the_digest(old: bytes, new: bytes) -> None:
    changed = SERVER.replace(old, new)
    assert changed != SERVER
    first = parse_profile(SERVER, source="x.toml")
    assert parse_profile(changed, source="x.toml").digest != first.digest


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (b"pattern =", b"patern =", "constraints.subject.patern"),
        (b"[constraints.key]", b"[constraints.colour]\nx = 1\n[constraints.key]", "colour"),
        (b"[defaults.names]", b"[defaults.name]", "defaults.name"),
        (b"visible = true", b'visible = "true"', "visible"),
        (b"\ndays = 720", b"\ndays = 721", "defaults.validity.days"),
        (b"\ndays = 720", b"\ndays = 720.5", "defaults.validity.days"),
        (b"2048, 3072", b"1024, 2048, 3072", "constraints.key.rsa.0"),
        (b'".*CN=.*"', b'".*CN=("', "constraints.subject.pattern"),
        (b'["CN"]', b'["SHOESIZE"]', "constraints.subject.required"),
        (b'"dns", "ip"', b'"dns", "uri"', "defaults.names.from_request.1"),
        (b'"keyEncipherment"]', b'"keyCertSign"]', "defaults.key_usage.rsa"),
        (b'"keyEncipherment"]', b'"keyAgreement"]', "defaults.key_usage.rsa"),
        (b"rsa = [2048", b'ec = ["nistp256"]\nrsa = [2048', "defaults.key_usage.ec"),
        (b'["certReqInputImpl",', b'["telepathyImpl",', "inputs.0"),
        (b'"caServerCert"', b'"../caServerCert"', "profile_id"),
        (b'"serverCertSet"', b'"server\\nCertSet"', "policy_set"),
    ],
)
def test_a_faulty_profile_is_refused_and_says_where(old: bytes, new: bytes, place: str) -> None:
    changed = SERVER.replace(old, new, 1)
    assert changed != SERVER
    assert place in refused(changed).message


def test_encipherment_on_an_ec_key_is_refused() -> None:
    client = (FOLDER / "caAuditClientCert.toml").read_bytes()
    changed = client.replace(b'ec = ["digitalSignature"]', b'ec = ["keyEncipherment"]')
    assert "not for this key type: keyEncipherment" in refused(changed).message


def test_all_faults_at_once() -> None:
    faulty = (
        SERVER.replace(b"pattern =", b"patern =")
        .replace(b"critical = true", b"critical = 1")
        .replace(b'"serverAuth"', b'"worldPeace"')
    )
    assert len(refused(faulty).findings) == 4


def test_a_profile_that_is_no_document() -> None:
    refused(b"[[[")
    refused(b"\xff\xfe")
    refused(b"when = 2026-11-22")


def test_a_catalogue_tells_the_faults_of_all_its_documents() -> None:
    documents = {"a.toml": b"[[[", "b.toml": b"", "caOther.toml": SERVER}
    with pytest.raises(RefusedError) as caught:
        catalogue(documents)
    assert {finding.subject for finding in caught.value.findings} == set(documents)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_profile_or_refused(data: bytes) -> None:
    with pytest.raises(RefusedError):
        parse_profile(data, source="x.toml")


_TABLES = [line for line in SERVER.decode().splitlines() if line.startswith("[")]


@given(
    table=st.sampled_from(_TABLES),
    key=st.from_regex(r"[a-z_]{1,12}", fullmatch=True),
    value=st.sampled_from(["true", "1", '"x"', "[]", "{}"]),
)
def test_no_unknown_key_slips_through(table: str, key: str, value: str) -> None:
    text = SERVER.decode().replace(f"{table}\n", f"{table}\n{key} = {value}\n")
    before = parse_profile(SERVER, source="x.toml")
    try:
        changed: Profile = parse_profile(text.encode(), source="x.toml")
    except RefusedError:
        return
    # Only a key that the table knows may pass, and then it counts.
    document = tomllib.loads(text)
    for part in table.strip("[]").split("."):
        document = document[part]
    assert key in document
    fields = changed.model_dump(mode="json")
    for part in table.strip("[]").split("."):
        fields = fields[part]
    assert key in fields
    assert before.profile_id == changed.profile_id


def test_a_ca_profile_and_only_it_may_sign_certificates() -> None:
    profile = shipped_profiles().get("caCACert")
    assert profile.defaults.basic_constraints is not None
    assert profile.defaults.basic_constraints.path_length == 0
    assert {KeyUsageBit.KEY_CERT_SIGN, KeyUsageBit.CRL_SIGN} <= set(profile.defaults.key_usage.rsa)
    others = [p for p in shipped_profiles().all() if p.profile_id != "caCACert"]
    assert all(p.defaults.basic_constraints is None for p in others)


CA = (FOLDER / "caCACert.toml").read_bytes()
OCSP = (FOLDER / "caOCSPCert.toml").read_bytes()


@pytest.mark.parametrize(
    ("document", "old", "new", "place"),
    [
        (CA, b"[defaults.basic_constraints]\npath_length = 0\n", b"", "defaults.key_usage.rsa"),
        (CA, b'"nonRepudiation", "keyCertSign", ', b"", "defaults.key_usage.rsa"),
        (CA, b"path_length = 0", b"path_length = -1", "defaults.basic_constraints.path_length"),
        (OCSP, b'["OCSPSigning"]', b'["serverAuth"]', "defaults.ocsp_no_check"),
        (SERVER, b"maximum_days = 720", b"maximum_days = 9999", "constraints.validity"),
        (SERVER, b"[defaults.names]", b"[approval]\napprovers = 0\n[defaults.names]", "approval"),
        (SERVER, b"[defaults.names]", b"[approval]\nvotes = 2\n[defaults.names]", "approval.votes"),
        (SERVER, b"wildcards = true", b'[constraints.names]\npattern = "["', "names.pattern"),
        (SERVER, b'["pkix.invalid', b'["PKIX invalid', "lint.waivers"),
    ],
)
def test_what_the_rest_of_a_profile_refuses(
    document: bytes, old: bytes, new: bytes, place: str
) -> None:
    changed = document.replace(old, new)
    assert changed != document
    assert any(place in finding.message for finding in refused(changed).findings)


def test_a_purpose_is_needed_where_a_host_is_named() -> None:
    start, end = SERVER.index(b"[defaults.extended_key_usage]"), SERVER.index(b"[defaults.names]")
    faults = refused(SERVER[:start] + SERVER[end:]).findings
    assert [each.message.partition(":")[0] for each in faults] == ["defaults.extended_key_usage"]
