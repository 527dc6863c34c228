"""Costs and labels in a few letters."""

from __future__ import annotations

from spaces.labels import Label

TITLES = {
    "macs": "FLOPs (multiply-accumulates)",
    "params": "parameters",
    "latency": "latency",
    "memory": "peak memory",
    "activations": "activations",
    "ptflops": "FLOPs by ptflops",
    "thop": "FLOPs by thop",
}
UNITS = {"latency": "s", "memory": "B", "activations": "B"}
STEPS = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"))


def plain(label: Label) -> str:
    """Return a label as it reads; None is a place that stays empty."""
    return "–" if label is None else str(label)


def amount(metric: str, figure: float) -> str:
    """Return a cost to three digits with its unit."""
    unit = UNITS.get(metric, "")
    size, prefix = next((step for step in STEPS if abs(figure) >= step[0]), (1.0, ""))
    return f"{figure / size:.3g} {prefix}{unit}".rstrip()
