"""Append to a log that others append to at the same time; say of each entry where it was promised to stand.

Run by `test_two_writers.py`: ``rival.py FOLDER NAME ROUNDS``.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from tests.faults.appender import NO_QUORUM, open_log, signer

from hisn.tlog.ports import Conflict


def main() -> None:
    folder, name, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    draw = random.Random(name)
    writer = open_log(folder, signer())
    for number in range(rounds):
        batch = [f"{name} {number} {each}".encode() for each in range(draw.choice((1, 2, 40)))]
        try:
            done = writer.append(batch)
        except Conflict:
            continue  # it lost a hundred times in a row
        print(done.first_index, name, number, len(batch), flush=True)
        if number % 3 == 0:
            writer.publish(writer.head().raw, NO_QUORUM)


if __name__ == "__main__":
    main()
