"""Run by ``bin/chaos``: many seeds, one line each, and the way to see a failed one again."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.chaos.house import LEASE_SECONDS
from tests.chaos.run import Result, run_seed
from tests.chaos.share import COMMANDS, open_pair

GRACE_SECONDS = 5.0
"""So long after its lease's end may what a dead worker held take."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="how many, from --first on (10)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--seed", type=int, help="only this one; its folder is kept")
    parser.add_argument(
        "--share",
        action="store_true",
        help="how two workers share work, with leases of real length",
    )
    options = parser.parse_args()
    if options.share:
        return _share()
    if options.seed is not None:
        seeds = range(options.seed, options.seed + 1)
    else:
        seeds = range(options.first, options.first + options.seeds)
    return _sum_up({seed: _run(seed, keep=options.seed is not None) for seed in seeds})


def _share() -> int:
    with tempfile.TemporaryDirectory(prefix="tgworker-chaos-share-") as folder:
        with open_pair(Path(folder), patient=True) as pair:
            shares = pair.share()
            split = ", ".join(f"{n} by {name}" for name, n in sorted(shares.completed.items()))
            print(f"{COMMANDS} commands in {shares.seconds:.1f} s: {split}")
            print(f"chats written by two at once: {', '.join(shares.mixed_chats) or 'none'}")
            inheritance = pair.inherit()
    print(
        f"{inheritance.commands} commands of a killed worker done by"
        f" {', '.join(sorted(inheritance.heirs))} within {inheritance.seconds:.1f} s"
        f" (the lease is {LEASE_SECONDS} s)"
    )
    fair = max(shares.completed.values()) <= 0.6 * COMMANDS
    soon = inheritance.seconds <= LEASE_SECONDS + GRACE_SECONDS
    well = fair and soon and not shares.mixed_chats
    print("all is well" if well else "FAILED")
    return 0 if well else 1


def _run(seed: int, *, keep: bool) -> Result | None:
    """Run one seed and tell of it; None: it could not be carried out."""
    folder = Path(tempfile.mkdtemp(prefix=f"tgworker-chaos-{seed}-"))
    try:
        result = run_seed(seed, folder)
    except AssertionError as error:
        print(f"seed {seed}: FAILED\n    {error}")
        result = None
    else:
        _tell(result)
    if result is None or result.problems:
        print(f"    again: bin/chaos --seed {seed}")
        keep = True
    if keep:
        print(f"    kept: {folder}", flush=True)
    else:
        shutil.rmtree(folder)
    return result


def _tell(result: Result) -> None:
    dealt = ", ".join(f"{count} {kind}" for kind, count in sorted(result.dealt.items()))
    print(
        f"seed {result.plan.seed}: {'FAILED' if result.problems else 'well'},"
        f" {result.seconds:.0f} s, {result.plan.workers} workers, {result.commands} commands;"
        f" {dealt}",
        flush=True,
    )
    for problem in result.problems:
        print(f"    {problem}")
    if result.problems:
        print(f"    {_loss([result])}")


def _sum_up(outcomes: dict[int, Result | None]) -> int:
    results = [result for result in outcomes.values() if result is not None]
    dealt: Counter[str] = Counter()
    for result in results:
        dealt.update(result.dealt)
    failed = [seed for seed, result in outcomes.items() if result is None or result.problems]
    print(f"\n{len(outcomes)} seeds, {sum(each.commands for each in results)} commands; dealt:")
    for kind, count in sorted(dealt.items()):
        print(f"{count:8}  {kind}")
    print(f"{_loss(results)}; seeds failed: {', '.join(map(str, failed)) or 'none'}")
    return 1 if failed else 0


def _loss(results: list[Result]) -> str:
    differences = [result.difference for result in results]
    return (
        f"lost {sum(each.lost for each in differences)} messages,"
        f" duplicated {sum(each.duplicated for each in differences)},"
        f" bytes of difference {sum(each.bytes for each in differences)}"
    )


sys.exit(main())
