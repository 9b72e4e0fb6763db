"""What an alarm waits for, in words, with units converted: `p99 of ModelLatency > 250 ms for 3 of 3 min`. Pure."""

from __future__ import annotations

import re

from console.kinds.alarm.record import Alarm, Metric

MICROSECONDS = frozenset(
    {
        *("ModelLatency", "OverheadLatency", "ModelSetupTime", "ModelLoadingWaitTime", "ModelUnloadingTime"),
        *("ModelDownloadingTime", "ModelLoadingTime", "FirstChunkLatency", "FirstChunkModelLatency"),
        *("FirstChunkOverheadLatency", "RequestDownloadLatency", "ResponseUploadLatency"),
    }
)
"""Metrics of AWS/SageMaker in microseconds (facts section 5)."""

MILLISECONDS = frozenset({"TimeInBacklog", "TotalProcessingTime"})
ZERO_OR_ONE = frozenset(
    {
        *("Invocation4XXErrors", "Invocation5XXErrors", "Invocations4XXErrors", "Invocations5XXErrors"),
        *("InvocationModelErrors", "MidStreamErrors", "ModelCacheHit"),
    }
)
"""One datum a request, 0 or 1: their average is a ratio, their sum a count (facts section 5.1)."""
FRACTIONS = frozenset({"ServerlessConcurrentExecutionsUtilization", "ServerlessProvisionedConcurrencyUtilization"})

_SIGNS = {
    "GreaterThanThreshold": ">",
    "GreaterThanOrEqualToThreshold": ">=",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "<=",
}
_BANDS = {
    "LessThanLowerOrGreaterThanUpperThreshold": "leaves its expected band",
    "LessThanLowerThreshold": "falls below its expected band",
    "GreaterThanUpperThreshold": "rises above its expected band",
}


def threshold(alarm: Alarm) -> str:
    """What would make it red, or a composite's rule."""
    if alarm.composite:
        return alarm.rule
    what, only = _subject(alarm), alarm.metrics[0] if len(alarm.metrics) == 1 and not alarm.expression else None
    if alarm.comparison in _BANDS:
        return f"{what} {_BANDS[alarm.comparison]} for {_for(alarm)}"
    if alarm.threshold is None:
        return what
    sign = _SIGNS.get(alarm.comparison, alarm.comparison)
    return f"{what} {sign} {value(alarm.threshold, only)} for {_for(alarm)}"


def value(number: float, metric: Metric | None) -> str:
    """A number in the unit that people read, where the metric's own is known."""
    if metric is None or not metric.namespace.lower().startswith(("aws/sagemaker", "/aws/sagemaker")):
        return _number(number)
    if metric.name in MICROSECONDS and metric.stat != "SampleCount":
        return _time_ms(number / 1000)
    if metric.name in MILLISECONDS and metric.stat != "SampleCount":
        return _time_ms(number)
    if metric.name == "ApproximateAgeOfOldestRequest":
        return f"{_number(number)} s"
    if (metric.name in ZERO_OR_ONE and metric.stat == "Average") or metric.name in FRACTIONS:
        return f"{_number(100 * number)} %"
    if metric.name == "CPUUtilization":
        return f"{_number(number)} % of one vCPU"
    if "Utilization" in metric.name:
        return f"{_number(number)} %"
    return _number(number)


def _subject(alarm: Alarm) -> str:
    if not alarm.expression:
        return next((_of(metric) for metric in alarm.metrics), "what it does not tell")
    named = {metric.id: _of(metric) for metric in alarm.metrics}
    return re.sub(r"\b[a-z]\w*\b(?!\s*\()", lambda found: named.get(found[0], found[0]), alarm.expression)


def _of(metric: Metric) -> str:
    return f"{metric.stat} of {metric.name}" if metric.stat else metric.name


def _for(alarm: Alarm) -> str:
    if alarm.period_s == 60:
        return f"{alarm.needed} of {alarm.periods} min"
    each = f"{alarm.period_s // 60} min" if alarm.period_s % 60 == 0 else f"{alarm.period_s} s"
    return f"{alarm.needed} of {alarm.periods} periods of {each}"


def _time_ms(ms: float) -> str:
    return f"{_number(ms / 1000)} s" if ms >= 10_000 else f"{_number(ms)} ms"


def _number(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) and abs(number) < 1e15 else f"{number:,.6g}"
