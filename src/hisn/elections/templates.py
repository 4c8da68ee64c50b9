"""Fold request targets into endpoint templates: ``/precinct/17`` is ``/precinct/#``.

What was not found has one template, and so have assets: a flood of invented paths must not push
the site's own pages out of what is followed.
"""

from __future__ import annotations

import re

NOT_FOUND = "(not found)"
ASSETS = "(assets)"
MALFORMED = "(malformed)"

_MAX_CHARS = 160
_IDS = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f-]{9,27}|(?<![^/._=-])[0-9A-Fa-f]{16,}(?![^/._=-])|[0-9]+")
_ASSET = re.compile(
    r"\.(?:css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|avif|bmp|woff2?|ttf|otf|eot|mp[34]|webm)", re.IGNORECASE
)
_PAGE = re.compile(r"\.(?:x?html?|php\d?|aspx?|jspx?|do|action|cgi|cfm|pl)", re.IGNORECASE)
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}\Z")
_METHOD = re.compile(r"[A-Za-z]{1,16}")


def path_template(stem: str) -> str:
    """Return the template of a path, its ids folded; assets are one."""
    if not stem.startswith("/"):
        return MALFORMED
    path = stem.partition(";")[0]
    if not path.isascii():
        path = path.encode("utf-8", "backslashreplace").decode()  # a lone surrogate crosses no border
    suffix = _SUFFIX.search(path)
    if suffix and _ASSET.fullmatch(suffix[0]):
        return ASSETS
    return _IDS.sub("#", path[:_MAX_CHARS])


def endpoint(template: str, method: str | None) -> str:
    """Return the template with the method in front where it is none that only reads."""
    if method in ("GET", "HEAD", None) or not template.startswith("/"):
        return template
    return f"{method.upper() if _METHOD.fullmatch(method) else '?'} {template}"


def is_page(template: str) -> bool:
    """Tell whether browsers load assets for it: a path, but no file and nothing that is sent."""
    if not template.startswith("/"):
        return False
    suffix = _SUFFIX.search(template)
    return suffix is None or _PAGE.fullmatch(suffix[0]) is not None
