"""What a study proposes to train next."""

from __future__ import annotations

from dataclasses import dataclass

from spaces import Architecture
from trials.cost import Cost


@dataclass(frozen=True)
class Proposal:
    """A training to do; `name` is a baseline's, `folder` a name that no other training has."""

    number: int
    architecture: Architecture
    name: str
    seed: int
    cost: Cost
    folder: str
