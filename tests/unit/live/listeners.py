"""Listen for real, and send for real, on this machine alone."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hisn.live.feed import Feed
from hisn.live.piece import FeedNote, Piece
from hisn.live.spool import Spool
from hisn.storage.disk import RealDisk

NOW_US = 1_800_000_000_000_000


def spool_in(folder: Path, max_bytes: int = 1 << 24) -> Spool:
    """Return a spool below a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return Spool(RealDisk(), str(folder / "spool"), max_bytes)


@dataclass
class Listening:
    """Poll a feed until it has given what a test waits for."""

    feed: Feed
    pieces: list[Piece] = field(default_factory=list)
    notes: list[FeedNote] = field(default_factory=list)

    @property
    def data(self) -> bytes:
        return b"".join(piece.data for piece in self.pieces)

    def poll(self) -> bytes:
        new = self.feed.poll(1 << 22, NOW_US)
        self.pieces += new
        self.notes += self.feed.notes(NOW_US)
        return b"".join(piece.data for piece in new)

    def poll_or_wait(self) -> None:
        if not self.poll():
            time.sleep(0.01)

    def until(self, lines: int, timeout_s: float = 20) -> bytes:
        """Poll until so many lines have come."""
        deadline = time.monotonic() + timeout_s
        while self.data.count(b"\n") < lines:
            assert time.monotonic() < deadline, (self.data[-500:], self.notes)
            self.poll_or_wait()
        return self.data

    def until_said(self, kind: str, timeout_s: float = 20) -> FeedNote:
        """Poll until something was noted."""
        deadline = time.monotonic() + timeout_s
        while True:
            for note in self.notes:
                if note.kind == kind:
                    return note
            assert time.monotonic() < deadline, self.notes
            self.poll_or_wait()


@dataclass(frozen=True)
class Certificates:
    """Hold an authority, a server's and a sender's certificate, as files."""

    folder: Path

    @property
    def authority(self) -> str:
        return str(self.folder / "ca.pem")

    def certificate(self, name: str) -> str:
        return str(self.folder / f"{name}.pem")

    def key(self, name: str) -> str:
        return str(self.folder / f"{name}.key")

    def client(self, name: str | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority)
        if name:
            context.load_cert_chain(self.certificate(name), self.key(name))
        return context


def make_certificates(folder: Path, names: tuple[str, ...] = ("localhost", "sender.example")) -> Certificates:
    """Make an authority and certificates of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("authority", key, None, None)
    _write(folder / "ca.pem", authority)
    for name in names:
        own = ec.generate_private_key(ec.SECP256R1())
        _write(folder / f"{name}.pem", _certificate(name, own, authority, key))
        (folder / f"{name}.key").write_bytes(
            own.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    return Certificates(folder)


def _write(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate | None,
    signer: ec.EllipticCurvePrivateKey | None,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.subject if authority else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if authority and signer:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False
        ).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    return builder.sign(signer or key, hashes.SHA256())


def connect(address: tuple[str, int]) -> socket.socket:
    """Return a connection."""
    return socket.create_connection(address, timeout=20)
