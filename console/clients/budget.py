"""The call budget: at most half of each operation's published rate, because everybody in the account shares it.

One token bucket per operation (`service:Operation`). Background reads wait for a token; urgent calls (actions,
one-shot reads) go at once but are counted, so that the background gives way to them. A throttle doubles the
operation's interval, which then recovers over minutes. Rates: facts/sagemaker.md sections 5.7 and 6.1.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from console.clock import MINUTE, Millis, now_ms
from console.errors import Refused

_FIVE = ("DescribeEndpoint", "DescribeEndpointConfig", "DescribeModel", "DescribeTrainingJob", "DescribeTransformJob")
_TWO = (
    "ListEndpoints",
    "ListEndpointConfigs",
    "ListModels",
    "ListTrainingJobs",
    "ListTransformJobs",
    "ListMonitoringAlerts",
    "ListMonitoringAlertHistory",
)
_ONE = (
    "CreateEndpoint",
    "CreateEndpointConfig",
    "CreateModel",
    "CreateTrainingJob",
    "UpdateEndpoint",
    "UpdateEndpointWeightsAndCapacities",
    "UpdateMonitoringAlert",
    "DeleteEndpoint",
    "StopTrainingJob",
    "DescribeMlflowApp",
    "ListMlflowApps",
)
PUBLISHED: dict[str, float] = {
    **{f"sagemaker:{name}": 5.0 for name in (*_FIVE, "CreatePresignedMlflowAppUrl")},
    **{f"sagemaker:{name}": 2.0 for name in _TWO},
    **{f"sagemaker:{name}": 1.0 for name in _ONE},
    "cloudtrail:LookupEvents": 2.0,
    "cloudwatch:GetMetricData": 500.0,
    "cloudwatch:ListMetrics": 25.0,
    "cloudwatch:DescribeAlarms": 9.0,
    "cloudwatch:DescribeAlarmHistory": 20.0,
    "cloudwatch:PutMetricAlarm": 3.0,
    "cloudwatch:SetAlarmState": 3.0,
}
"""Requests per second, per account and region."""
UNPUBLISHED = 2.0
SHARE = 0.5
_WORST = 32.0
_RECOVER_S = 60.0


class Usage(msgspec.Struct, frozen=True):
    """Requests sent and throttles met, by operation, in the minute that began at `at`."""

    at: Millis
    calls: dict[str, int]
    throttles: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.calls.values())


@dataclass(slots=True)
class _Bucket:
    rate: float
    tokens: float
    at: float
    strain: float = 1.0
    strained_at: float = 0.0

    def factor(self, now: float) -> float:
        """How much longer the interval is than usual; halves for every quiet minute."""
        quiet = max(0.0, now - self.strained_at)
        return max(1.0, self.strain * math.exp2(-quiet / _RECOVER_S))

    def refill(self, now: float) -> float:
        """The rate that holds now. A clock that stands still or jumps back adds nothing."""
        rate = self.rate / self.factor(now)
        self.tokens = min(max(1.0, self.rate), self.tokens + max(0.0, now - self.at) * rate)
        self.at = now
        return rate


@dataclass(slots=True)
class Budget:
    """Thread-safe; one per process and account. `on_minute` gets each finished minute, on the thread that noticed, and
    what `flush` hands over of an unfinished one: a minute's parts add up.

    `clock` is in seconds and monotonic, `wall` in UTC milliseconds.
    """

    on_minute: Callable[[Usage], None] | None = None
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], Millis] = now_ms
    wait: Callable[[float], object] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _minute: Millis = 0
    _calls: dict[str, int] = field(default_factory=dict)
    _throttles: dict[str, int] = field(default_factory=dict)
    _recent: deque[tuple[Millis, str, bool]] = field(default_factory=deque)

    def acquire(self, operation: str, *, wait: bool = True, urgent: bool = False) -> bool:
        """Take one token and count one request about to be sent.

        `urgent` takes it at once, as a debt that the background pays. Without `wait` and without a token nothing is
        taken, nothing counted, and the answer is False. Raises Refused once the budget is closed.
        """
        with self._lock:
            now = self.clock()
            bucket = self._bucket(operation, now)
            rate = bucket.refill(now)
            delay = 0.0 if urgent else max(0.0, (1.0 - bucket.tokens) / rate)
            if delay > 0 and not wait:
                return False
            # Reserved before waiting: threads that wait for the same operation line up instead of racing.
            bucket.tokens -= 1.0
        if delay > 0:
            (self.wait or self._stop.wait)(delay)
        if self._stop.is_set() and not urgent:
            raise Refused("stopping: nothing more is read")
        self._count(operation, throttle=False)
        return True

    def spare(self, operation: str, *, within_s: float = 1.0) -> bool:
        """Whether a request could be sent within this time."""
        with self._lock:
            now = self.clock()
            bucket = self._bucket(operation, now)
            rate = bucket.refill(now)
            return (1.0 - bucket.tokens) / rate <= within_s

    def throttled(self, operation: str) -> None:
        """The provider said "Rate exceeded": double the interval, once per burst of throttles."""
        with self._lock:
            now = self.clock()
            bucket = self._bucket(operation, now)
            bucket.refill(now)
            # Requests already on their way when the first one was throttled tell nothing new.
            if bucket.strain == 1.0 or now - bucket.strained_at >= 1.0 / bucket.rate:
                bucket.strain = min(_WORST, bucket.factor(now) * 2.0)
                bucket.strained_at = now
            bucket.tokens = min(bucket.tokens, 0.0)
        self._count(operation, throttle=True)

    def interval_s(self, operation: str) -> float:
        """Seconds between background requests of this operation as things are."""
        with self._lock:
            now = self.clock()
            bucket = self._bucket(operation, now)
            return bucket.factor(now) / bucket.rate

    def usage(self) -> Usage:
        """The last 60 seconds, for the header ("41 calls/min, 2 throttled")."""
        with self._lock:
            at = self.wall() - MINUTE
            self._forget(at)
            calls: dict[str, int] = {}
            throttles: dict[str, int] = {}
            for _, operation, throttle in self._recent:
                book = throttles if throttle else calls
                book[operation] = book.get(operation, 0) + 1
            return Usage(at, calls, throttles)

    def flush(self) -> None:
        """Hand what was counted since to `on_minute`; the minute goes on, and its rest is handed over later."""
        self._hand_over(None)

    def close(self) -> None:
        """Wake everybody who waits, with Refused; urgent calls still go."""
        self._stop.set()

    def _bucket(self, operation: str, now: float) -> _Bucket:
        bucket = self._buckets.get(operation)
        if bucket is None:
            rate = PUBLISHED.get(operation, UNPUBLISHED) * SHARE
            bucket = self._buckets[operation] = _Bucket(rate, max(1.0, rate), now)
        return bucket

    def _forget(self, before: Millis) -> None:
        while self._recent and self._recent[0][0] <= before:
            self._recent.popleft()

    def _count(self, operation: str, *, throttle: bool) -> None:
        now = self.wall()
        self._turn(now // MINUTE * MINUTE)
        with self._lock:
            book = self._throttles if throttle else self._calls
            book[operation] = book.get(operation, 0) + 1
            self._forget(now - MINUTE)
            self._recent.append((now, operation, throttle))

    def _turn(self, minute: Millis) -> None:
        with self._lock:
            if minute <= self._minute:
                return
        self._hand_over(minute)

    def _hand_over(self, minute: Millis | None) -> None:
        with self._lock:
            done = Usage(self._minute, self._calls, self._throttles)
            self._minute, self._calls, self._throttles = self._minute if minute is None else minute, {}, {}
        if self.on_minute and (done.calls or done.throttles):
            self.on_minute(done)
