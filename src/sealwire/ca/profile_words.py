"""The words a certificate profile is written with."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Input(StrEnum):
    """What a submitter fills in, named by Dogtag's input plug-ins."""

    CERTIFICATE_REQUEST = "certReqInputImpl"
    KEY_GENERATION = "keyGenInputImpl"
    SUBJECT_NAME = "subjectNameInputImpl"
    REQUESTOR = "submitterInfoInputImpl"


class SubjectAttribute(StrEnum):
    """Attribute types a subject constraint can demand."""

    COMMON_NAME = "CN"
    USER_ID = "UID"
    ORGANIZATION = "O"
    COUNTRY = "C"


class KeyUsageBit(StrEnum):
    """RFC 5280, 4.2.1.3. The last two are for CAs only."""

    DIGITAL_SIGNATURE = "digitalSignature"
    NON_REPUDIATION = "nonRepudiation"
    KEY_ENCIPHERMENT = "keyEncipherment"
    DATA_ENCIPHERMENT = "dataEncipherment"
    KEY_AGREEMENT = "keyAgreement"
    KEY_CERT_SIGN = "keyCertSign"
    CRL_SIGN = "cRLSign"


class Purpose(StrEnum):
    """Extended key usages, RFC 5280, 4.2.1.12."""

    SERVER_AUTH = "serverAuth"
    CLIENT_AUTH = "clientAuth"
    EMAIL_PROTECTION = "emailProtection"
    OCSP_SIGNING = "OCSPSigning"


class NameKind(StrEnum):
    """Kinds of a CSR's alternative names that a profile can let through."""

    DNS = "dns"
    IP = "ip"


class EllipticCurve(StrEnum):
    """Curves by the names Dogtag uses."""

    P256 = "nistp256"
    P384 = "nistp384"


class SigningAlgorithm(StrEnum):
    """How the CA may sign, by the names Dogtag uses."""

    SHA256_RSA = "SHA256withRSA"
    SHA384_RSA = "SHA384withRSA"
    SHA512_RSA = "SHA512withRSA"
    SHA256_EC = "SHA256withEC"
    SHA384_EC = "SHA384withEC"
    SHA512_EC = "SHA512withEC"


CA_KEY_USAGE: Final = frozenset({KeyUsageBit.KEY_CERT_SIGN, KeyUsageBit.CRL_SIGN})
"""What only a CA's key is used for."""

RSA_KEY_USAGE: Final = frozenset(KeyUsageBit) - {KeyUsageBit.KEY_AGREEMENT}
EC_KEY_USAGE: Final = (
    frozenset(
        {KeyUsageBit.DIGITAL_SIGNATURE, KeyUsageBit.NON_REPUDIATION, KeyUsageBit.KEY_AGREEMENT}
    )
    | CA_KEY_USAGE
)
"""What a key of that type can be used for (RFC 8813 forbids encipherment on EC keys)."""
