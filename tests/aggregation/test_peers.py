from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fairlead.aggregation import peers
from fairlead.serving.certificates import Authority, CertificateError

pytestmark = pytest.mark.requirement("aggregation:peer-certificates")

Extension = tuple[x509.ExtensionType, bool]
CA: Extension = (x509.BasicConstraints(ca=True, path_length=None), True)
LEAF: Extension = (x509.BasicConstraints(ca=False, path_length=None), True)
CLIENT: Extension = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
NOW = datetime.now(UTC)


def usage(*, signs: bool) -> Extension:
    flags = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign", "encipher_only",
         "decipher_only"), False
    )  # fmt: skip
    return x509.KeyUsage(digital_signature=True, key_cert_sign=signs, **flags), True


class Issuer:
    """A CA with exactly the extensions that a test gives it."""

    def __init__(
        self, *extensions: Extension, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None
    ) -> None:
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.certificate = make("ca", "ca", self, self.key.public_key(), *extensions)
        self.authorities = peers.Authorities(self.certificate.public_bytes(Encoding.PEM))

    def leaf(self, *extensions: Extension, names: tuple[str, ...] = ("alice",)) -> bytes:
        public = ec.generate_private_key(ec.SECP256R1()).public_key()
        return make("ca", names, self, public, *extensions).public_bytes(Encoding.DER)


def make(
    issuer: str,
    subject: str | tuple[str, ...],
    by: Issuer,
    public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    *extensions: Extension,
) -> x509.Certificate:
    names = (subject,) if isinstance(subject, str) else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(hours=1))
        .not_valid_after(NOW + timedelta(hours=1))
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(by.key, hashes.SHA256())


def test_a_plain_authority_and_client() -> None:
    issuer = Issuer(CA)
    found = issuer.authorities.vouch(issuer.leaf(LEAF, CLIENT))
    assert found is not None
    assert peers.common_name(found) == "alice"


def test_rsa_authorities_too() -> None:
    issuer = Issuer(CA, key=rsa.generate_private_key(65537, 2048))
    assert issuer.authorities.vouch(issuer.leaf(LEAF, CLIENT)) is not None


@pytest.mark.parametrize(
    ("extensions", "vouched"),
    [
        ((), True),
        ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False), True),
        ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False), False),
        ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), True), True),
        ((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True), False),
        ((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), False), True),
    ],
    ids=["no usage", "any usage", "server", "both", "unknown critical", "unknown"],
)
def test_what_a_leaf_may_carry(extensions: Extension | tuple[()], vouched: bool) -> None:
    issuer = Issuer(CA)
    leaf = issuer.leaf(*([extensions] if extensions else []))
    assert (issuer.authorities.vouch(leaf) is not None) == vouched


@pytest.mark.parametrize(
    ("extensions", "vouches"),
    [
        ([CA, usage(signs=True)], True),
        ([CA, usage(signs=False)], False),
        ([LEAF], False),
        ([], False),
        ([CA, (x509.NameConstraints([x509.DNSName("example.org")], None), True)], False),
    ],
    ids=["may sign", "may not sign", "no authority", "no constraints", "name constraints"],
)
def test_who_may_issue(extensions: list[Extension], vouches: bool) -> None:
    issuer = Issuer(*extensions)
    assert (issuer.authorities.vouch(issuer.leaf(LEAF, CLIENT)) is not None) == vouches


def test_validity_of_both_is_looked_at_each_time() -> None:
    issuer = Issuer(CA)
    leaf = issuer.leaf(LEAF, CLIENT)
    for offset, vouched in ((0, True), (2, False), (-2, False), (0, True)):
        assert (issuer.authorities.vouch(leaf, NOW + timedelta(hours=offset)) is not None) == vouched


def test_an_expired_authority_vouches_for_nobody() -> None:
    authority = Authority.create("ca", validity=timedelta(minutes=1))
    leaf = x509.load_pem_x509_certificate(authority.issue_client("alice").certificate).public_bytes(Encoding.DER)
    authorities = peers.Authorities(authority.certificate)
    assert authorities.vouch(leaf) is not None
    assert authorities.vouch(leaf, NOW + timedelta(minutes=5)) is None


def test_a_tampered_certificate_is_not_vouched_for() -> None:
    issuer = Issuer(CA)
    leaf = bytearray(issuer.leaf(LEAF, CLIENT))
    leaf[leaf.index(b"alice")] ^= 1
    assert issuer.authorities.vouch(bytes(leaf)) is None


@pytest.mark.parametrize("der", [b"", b"nonsense", b"\x30\x03\x02\x01\x01"])
def test_what_is_no_certificate_is_not_vouched_for(der: bytes) -> None:
    assert Issuer(CA).authorities.vouch(der) is None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_REMEMBERED", 3)
    issuer = Issuer(CA)
    leaves = [issuer.leaf(LEAF, CLIENT) for _ in range(8)]
    assert all(issuer.authorities.vouch(leaf) is not None for leaf in leaves)
    assert len(issuer.authorities._vouched) <= 3


def test_an_empty_bundle_vouches_for_nobody_and_a_broken_one_is_named() -> None:
    assert peers.Authorities(b" \n").vouch(Issuer(CA).leaf()) is None
    with pytest.raises(CertificateError, match="client-ca-file is not a PEM certificate"):
        peers.Authorities(b"nonsense", "client-ca-file")


@pytest.mark.requirement("aggregation:certificate-users")
def test_the_last_common_name_counts_and_none_is_nobody() -> None:
    issuer = Issuer(CA)
    several = issuer.authorities.vouch(issuer.leaf(names=("first", "last")))
    nameless = issuer.authorities.vouch(issuer.leaf(names=()))
    assert several is not None
    assert nameless is not None
    user = peers.user(several)
    assert user is not None
    assert user.name == "last"
    assert peers.user(nameless) is None
