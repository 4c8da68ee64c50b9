"""Verify a proof pack from the command line, with nothing but this program and the pack.

``python hisn-verify.pyz FILE.evpack --genesis DIGEST``.  Exit codes: 0 valid, 5 valid but
unwitnessed, 4 invalid or fork proven, 2 usage, 6 the file cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from hisn.core.canon import parse_hex32
from hisn.core.display import shown
from hisn.core.proof_limits import MAX_PACK_BYTES
from hisn.errors import VerificationError
from hisn.verify.check import verify_pack
from hisn.verify.plain import plain_text


def main(argv: Sequence[str]) -> int:
    """Verify the pack that the arguments name, write the report, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="hisn-verify", description="Verify a proof pack (.evpack), offline."
    )
    parser.add_argument("pack", metavar="FILE.evpack")
    parser.add_argument(
        "--genesis", metavar="DIGEST", help="the unit's genesis digest, from a source that you trust"
    )
    options = parser.parse_args(argv)
    try:
        genesis = parse_hex32(options.genesis) if options.genesis is not None else None
    except VerificationError:
        parser.error("--genesis takes 64 lowercase hexadecimal digits")
    try:
        with open(options.pack, "rb") as file:  # noqa: PTH123  (this room imports no pathlib)
            data = file.read(MAX_PACK_BYTES + 1)
    except OSError as error:
        sys.stderr.write(f"cannot read {shown(options.pack)}: {error.strerror}\n")
        return 6
    try:
        report = verify_pack(data, genesis=genesis)
    except VerificationError as error:
        sys.stdout.write(
            f"  1  FAILED  {error.code}: {shown(error.message)}\n\nINVALID. {shown(error.hint)}\n"
        )
        return 4
    sys.stdout.write(plain_text(report))
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
