"""Generate a folder of election logs: ``python -m hisn.testing --size 1000000 --out DIR``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hisn.testing.evening import DEFAULT_SEED, DEFAULT_SIZE, election_evening, single_source
from hisn.testing.floods import CROWDS, FLOODS, flood_day
from hisn.testing.generator import generate
from hisn.testing.truth import write_truth


def main(arguments: list[str] | None = None) -> int:
    """Generate the folder that the arguments ask for, and print what was written."""
    parser = argparse.ArgumentParser(prog="python -m hisn.testing", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--size", type=int, default=DEFAULT_SIZE, help="number of records, about")
    parser.add_argument("--source", default="", help="only one: portal, ems, registry, devices")
    parser.add_argument("--flood", default="", help=f"a day of the portal: {', '.join((*FLOODS, *CROWDS))}")
    parser.add_argument("--no-attacks", action="store_true")
    chosen = parser.parse_args(arguments)
    with_attacks = not chosen.no_attacks
    if chosen.flood:
        scenario = flood_day(chosen.flood, chosen.seed, chosen.size)
    elif chosen.source:
        scenario = single_source(chosen.source, chosen.seed, chosen.size, with_attacks=with_attacks)
    else:
        scenario = election_evening(chosen.seed, chosen.size, with_attacks=with_attacks)
    truth = generate(scenario, chosen.out)
    write_truth(truth, chosen.out)
    for source in truth.sources:
        sys.stdout.write(f"{source.path}\t{source.records} records\t{source.size_bytes} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
