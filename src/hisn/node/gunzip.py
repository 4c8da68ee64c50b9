"""Unpack a compressed body piece by piece, in bounded memory whatever it unpacks to."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from hisn.errors import InputError

PIECE_BYTES = 64 * 1024
_GZIP = 31


class Gunzip:
    """Unpack gzip members (RFC 1952), one after the other."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes; yield what they unpack to in pieces of at most 64 KiB. Raises InputError (E2404)."""
        while True:
            try:
                piece = self._member.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise InputError("E2404", "a body is not valid gzip", hint="send it uncompressed") from error
            if piece:
                yield piece
            if self._member.eof:
                data = self._member.unused_data
                self._member = zlib.decompressobj(_GZIP)
            else:
                data = self._member.unconsumed_tail
            if not data and len(piece) < PIECE_BYTES:
                return
