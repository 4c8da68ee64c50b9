"""Take requests apart and show what an encoded URL says.

SigmaHQ's rules look at the text as it was sent, so the raw fields stay.  The decoded view is an
extra field: attackers encode once for the server and once more for the filter in front of it.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_MAX_DECODED = 16_384
"""Longer texts are decoded up to here only: no server takes a longer request line."""

_ESCAPE = re.compile(r'\\(?:x([0-9A-Fa-f]{2})|(["\\]))')
_WIDE = re.compile(r"%u([0-9A-Fa-f]{4})")


def unescape(text: str) -> str:
    r"""Undo what Apache and nginx do to quotes, backslashes and bytes: ``\x22``, ``\"``, ``\\``.

    ``\n`` and ``\t`` stay as they are: a server that escapes nothing writes ``..\temp``.
    """
    if "\\" not in text:
        return text
    if not text.isascii():
        return _ESCAPE.sub(lambda m: m[2] or _ascii_or_escape(m[1]), text)
    raw = bytearray()
    end = 0
    for match in _ESCAPE.finditer(text):
        raw += text[end : match.start()].encode()
        raw.append(int(match[1], 16) if match[1] else ord(match[2]))
        end = match.end()
    raw += text[end:].encode()
    return raw.decode("utf-8", "backslashreplace")


def _ascii_or_escape(digits: str) -> str:
    code = int(digits, 16)
    return chr(code) if code < 0x80 else f"\\x{code:02x}"


def decoded(text: str) -> str:
    r"""Return the text percent-decoded up to twice, with ``+`` as a space; bounded in length.

    ``%uXXXX`` (IIS) counts too.  What is not UTF-8 afterwards becomes escapes such as ``\xc0``.
    """
    if "%" not in text and "+" not in text:
        return text
    text = text[:_MAX_DECODED].replace("+", " ")
    for _ in range(2):
        if "%" not in text:
            break
        if "%u" in text:
            text = _WIDE.sub(_wide_char, text)
        # Only lone surrogates cannot be encoded; texts that passed `decode` have none.
        text = unquote_to_bytes(text.encode("utf-8", "replace")).decode("utf-8", "backslashreplace")
    return text


def _wide_char(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return match[0] if 0xD800 <= code <= 0xDFFF else chr(code)


def split_request(request: str) -> tuple[str | None, str, str | None]:
    """Return method, target and protocol of a request line; a malformed one is all target.

    The target may hold spaces (scanners send them); a request without a protocol is HTTP/0.9.
    """
    method, space, rest = request.partition(" ")
    if not space or not method.isascii() or not method.replace("_", "").replace("-", "").isalpha():
        return None, request, None
    target, space, version = rest.rpartition(" ")
    if space and version.startswith("HTTP/"):
        return method, target, version
    return method, rest, None
