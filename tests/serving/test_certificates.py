from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fairlead.serving.certificates import Authority, CertificateError, KeyPair, read_bundle


def store(authority: Authority) -> verification.PolicyBuilder:
    return verification.PolicyBuilder().store(verification.Store(read_bundle(authority.certificate)))


@pytest.mark.requirement("serving:certificates")
def test_a_server_certificate_is_verified_by_name_and_address() -> None:
    authority = Authority.create("authority")
    leaf = read_bundle(authority.issue_server(["a.b.svc", "localhost"], ["127.0.0.1", "::1"]).certificate)[0]
    for name in (x509.DNSName("a.b.svc"), x509.DNSName("localhost")):
        store(authority).build_server_verifier(name).verify(leaf, [])
    with pytest.raises(verification.VerificationError):
        store(authority).build_server_verifier(x509.DNSName("other.svc")).verify(leaf, [])
    with pytest.raises(verification.VerificationError):
        store(Authority.create("authority")).build_server_verifier(x509.DNSName("a.b.svc")).verify(leaf, [])
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


@pytest.mark.requirement("serving:key-form")
def test_a_key_says_that_it_is_an_elliptic_curve_key() -> None:
    authority = Authority.create("authority")
    for pair in (authority.pair, authority.issue_client("alice"), authority.issue_server(["a.b.svc"])):
        assert pair.key.startswith(b"-----BEGIN EC PRIVATE KEY-----\n")


@pytest.mark.requirement("serving:certificates")
def test_a_client_certificate_serves_clients_only() -> None:
    authority = Authority.create("authority")
    leaf = read_bundle(authority.issue_client("alice", ["devs", "ops"], san=True).certificate)[0]
    store(authority).build_client_verifier().verify(leaf, [])
    with pytest.raises(verification.VerificationError):
        store(authority).build_server_verifier(x509.DNSName("alice")).verify(leaf, [])
    assert [each.value for each in leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["devs", "ops"]
    assert [each.value for each in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["alice"]


@pytest.mark.requirement("serving:front-proxy-without-names")
def test_a_client_certificate_has_no_alternative_name_unless_asked() -> None:
    leaf = read_bundle(Authority.create("front-proxy-ca").issue_client("front-proxy-client").certificate)[0]
    with pytest.raises(x509.ExtensionNotFound):
        leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


@pytest.mark.requirement("serving:certificates")
def test_expiry_is_that_of_the_leaf() -> None:
    pair = Authority.create("authority").issue_client("alice", validity=timedelta(hours=1))
    assert timedelta(minutes=59) < pair.expires - datetime.now(UTC) <= timedelta(hours=1)


@pytest.mark.requirement("serving:keys-stay-secret")
def test_keys_stay_out_of_reprs() -> None:
    authority = Authority.create("authority")
    assert "PRIVATE" not in repr(authority)
    assert "PRIVATE" not in repr(authority.issue_client("alice"))


class TestLoading:
    pytestmark = pytest.mark.requirement("serving:certificate-errors")

    def write(self, folder: Path, pair: KeyPair) -> tuple[Path, Path]:
        certificate, key = folder / "tls.crt", folder / "tls.key"
        certificate.write_bytes(pair.certificate)
        key.write_bytes(pair.key)
        return certificate, key

    def test_a_pair_comes_back(self, tmp_path: Path) -> None:
        pair = Authority.create("authority").issue_server(["localhost"])
        assert KeyPair.load(*self.write(tmp_path, pair)) == pair

    def test_a_foreign_key_is_refused(self, tmp_path: Path) -> None:
        authority = Authority.create("authority")
        pair = KeyPair(authority.issue_client("a").certificate, authority.issue_client("b").key)
        with pytest.raises(CertificateError, match=r"tls\.key does not belong to .*tls\.crt"):
            KeyPair.load(*self.write(tmp_path, pair))

    @pytest.mark.parametrize(
        ("certificate", "key", "message"),
        [
            (b"nonsense", None, r"tls\.crt is not a PEM certificate"),
            (None, b"nonsense", r"tls\.key is not an unencrypted PEM private key"),
        ],
    )
    def test_what_is_no_pem_is_named(
        self, tmp_path: Path, certificate: bytes | None, key: bytes | None, message: str
    ) -> None:
        pair = Authority.create("authority").issue_client("a")
        broken = KeyPair(certificate or pair.certificate, key or pair.key)
        with pytest.raises(CertificateError, match=message):
            KeyPair.load(*self.write(tmp_path, broken))

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(CertificateError, match=r"absent\.crt cannot be read: No such file"):
            KeyPair.load(tmp_path / "absent.crt", tmp_path / "absent.key")

    def test_an_authority_with_another_kind_of_key_says_so(self) -> None:
        key = rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        authority = Authority(KeyPair(Authority.create("authority").certificate, key))
        with pytest.raises(CertificateError, match="not an elliptic-curve key"):
            authority.issue_client("a")

    def test_a_server_without_a_name_is_refused(self) -> None:
        with pytest.raises(CertificateError, match="needs a name"):
            Authority.create("authority").issue_server([])
