"""What a student may cost: limits to MACs, parameters and latency, and how each is measured."""

from nas.budget.cost import COUNTER, Cost, measure
from nas.budget.latency import STOPWATCHES, Stopwatch, Timing, machine, make_stopwatch
from nas.budget.latency_budget import AnyLatency, Latency, LatencyBudget, LatencyMeasurement
from nas.budget.limits import Budget, format_duration, format_quantity, parse_duration, parse_quantity

__all__ = [
    "COUNTER",
    "STOPWATCHES",
    "AnyLatency",
    "Budget",
    "Cost",
    "Latency",
    "LatencyBudget",
    "LatencyMeasurement",
    "Stopwatch",
    "Timing",
    "format_duration",
    "format_quantity",
    "machine",
    "make_stopwatch",
    "measure",
    "parse_duration",
    "parse_quantity",
]
