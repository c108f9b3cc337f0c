"""Kill or fail the archive at each system call on its files, and see that it recovers. Run by ``bin/crash``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.crash.strace import why_not
from tests.crash.sweep import Sweep


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/crash", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only each so many-th fault")
    parser.add_argument("--from", type=int, default=0, dest="first", help="beginning with that one")
    options = parser.parse_args()
    if reason := why_not():
        print(reason, file=sys.stderr)
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tgworker-crash-") as root:
        sweep = Sweep(Path(root).resolve())
        plan = sweep.plan()
        chosen = plan[options.first :: options.every]
        hits, misses = Counter[tuple[str, str]](), 0
        for fault in chosen:
            told = len(sweep.troubles)
            hit = sweep.try_out(fault)
            if hit is None:
                misses += 1
            else:
                hits[hit.plain_name, fault.effect.partition("=")[2]] += 1
            for trouble in sweep.troubles[told:]:
                print(trouble, flush=True)
    for (call, effect), count in sorted(hits.items()):
        print(f"{call:10}{effect:10}{count:5}")
    print(
        f"{hits.total()} faults of {len(plan)} tried in {time.monotonic() - began:.0f} s,"
        f" {misses} missed, {len(sweep.troubles)} troubles"
    )
    return 1 if sweep.troubles or misses else 0


if __name__ == "__main__":
    sys.exit(main())
