"""Take an address, and secure what comes there."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import Any

from hisn.errors import StorageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Name the files of our certificate and its key; with `client_ca`, senders need one, too.

    `client_names`: of these, one name must stand in a sender's certificate; none: any will do.
    """

    certificate: str
    key: str
    client_ca: str | None = None
    client_names: frozenset[str] = frozenset()


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Return how to secure connections. Raises StorageError (E5642)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key)
        if tls.client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(tls.client_ca)
    except (OSError, ssl.SSLError) as error:
        raise StorageError(
            "E5642",
            f"cannot listen with the certificate {tls.certificate}: {error}",
            hint="certificate, key and the authority of the senders must be readable PEM files",
            unchanged="nothing was started",
        ) from error
    return context


def names_of(certificate: dict[str, Any]) -> frozenset[str]:
    """Return the names that stand in a certificate, as `ssl` gives it."""
    names = [str(value) for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
    for part in certificate.get("subject", ()):
        names += [str(value) for key, value in part if key == "commonName"]
    return frozenset(names)


def bound(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    """Return a socket at an address. Raises StorageError (E5642)."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.settimeout(0)
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise StorageError(
            "E5642",
            f"cannot listen on {host} port {port}: {error.strerror or error}",
            hint="choose another address or port in watch.toml, or stop what listens there",
            unchanged="nothing was started",
        ) from error
    return made


def address_of(listening: socket.socket | None) -> tuple[str, int]:
    """Return where a socket listens."""
    if listening is None:
        raise RuntimeError("nothing is listened to yet")
    host, port = listening.getsockname()[:2]
    return host, port
