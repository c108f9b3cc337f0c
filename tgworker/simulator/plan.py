"""Which faults strike a call: what each has seen, and the dice it throws."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager

from attrs import Factory, define

from tgworker.simulator.faults import ANY_METHOD, Fault
from tgworker.simulator.rpc import HOME_DC


@define
class _Armed:
    """A fault and what it has seen."""

    fault: Fault
    rng: random.Random
    calls: int = 0
    fired: int = 0
    recent: deque[float] = Factory(deque)

    def strikes(self, now: float) -> bool:
        """Count one call that it is about, and say whether it happens to it."""
        self.calls += 1
        fault = self.fault
        conditions = [
            fault.times is None or self.fired < fault.times,
            fault.nth is None or self.calls == fault.nth,
            fault.every is None or self.calls % fault.every == 0,
            fault.probability is None or self.rng.random() < fault.probability,
            fault.above_rate is None or self._too_fast(now, fault.above_rate),
        ]
        self.fired += (strikes := all(conditions))
        return strikes

    def _too_fast(self, now: float, rate: float) -> bool:
        window = max(1.0, 1 / rate)
        self.recent.append(now)
        while self.recent[0] <= now - window:
            self.recent.popleft()
        return len(self.recent) > rate * window


class FaultPlan:
    """The faults of a server, in the order they were added."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._armed: list[_Armed] = []
        self.clock_skew_s = 0.0
        """How far the server's clock is off."""
        self._absence_s: float | None = None
        self._go_down: Callable[[float], None] | None = None
        self.add(faults)

    def add(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            if fault.clock_skew_s is not None:
                self.clock_skew_s = fault.clock_skew_s
            elif fault.down_s is not None:
                self._absence_s = fault.down_s
                self._tell_absence()
            else:
                self._armed.append(_Armed(fault, random.Random(fault.seed)))

    @contextmanager
    def heeding(self, go_down: Callable[[float], None]) -> Iterator[None]:
        """Tell `go_down` for how many seconds the server shall be gone, what was said before included."""
        self._go_down = go_down
        self._tell_absence()
        try:
            yield
        finally:
            self._go_down = None

    def _tell_absence(self) -> None:
        if self._go_down is not None and self._absence_s is not None:
            self._go_down(self._absence_s)
            self._absence_s = None

    def clear(self) -> None:
        """Forget every fault; the clock is right again."""
        self._armed.clear()
        self.clock_skew_s = 0.0

    def deal(
        self, method: str, names: Collection[str], now: float, dc: int = HOME_DC
    ) -> list[Fault]:
        """What happens to this call. `names`: what its chat is called, without ``@``; `now`: monotonic seconds."""
        return [
            armed.fault
            for armed in self._armed
            if armed.fault.method in (ANY_METHOD, method)
            and (armed.fault.chat is None or armed.fault.chat in names)
            and (armed.fault.dc is None or armed.fault.dc == dc)
            and armed.strikes(now)
        ]

    def deal_step(self, step: str, now: float, dc: int) -> list[Fault]:
        """What happens to this step of a key exchange: only to who names it, since it is no method of the API."""
        named = [armed for armed in self._armed if armed.fault.method == step]
        return [
            armed.fault for armed in named if armed.fault.dc in (None, dc) and armed.strikes(now)
        ]
