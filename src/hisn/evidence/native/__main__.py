"""Build the native hasher: ``python -m hisn.evidence.native``."""

from __future__ import annotations

import sys

from hisn.errors import HisnError
from hisn.evidence.native.library import build_library


def main() -> int:
    """Build the library; say where it is, or why there is none. Return the exit code."""
    try:
        path = build_library()
    except HisnError as error:
        sys.stderr.write(f"{error.code}: {error.message}\n{error.hint}\n")
        return 3
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
