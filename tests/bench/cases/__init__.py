"""Everything that is measured, in the order of the table."""

from __future__ import annotations

from tests.bench.cases import parallel, size, throughput, trouble, worker
from tests.bench.figures import Case

CASES: tuple[Case, ...] = (
    *throughput.CASES,
    *worker.CASES,
    *parallel.CASES,
    *size.CASES,
    *trouble.CASES,
)
