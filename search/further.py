"""Further seeds where they decide: who is on the front, and who is best."""

from __future__ import annotations

from search.objectives import objective
from search.proposal import Proposal
from search.rows import Row
from search.seeds import Seeds
from search.study import Study
from search.weighing import known


class Further:
    """Asks a study for one more seed of the architecture of which it tells most.

    `budget` trainings are given out beyond the first seeds, those of earlier runs among them. A
    baseline has as many seeds as the architecture with most, so that the two can be compared.
    """

    def __init__(self, study: Study, budget: int) -> None:
        self.study, self.budget = study, budget
        self._seeds = Seeds()
        self._goals = [objective(text) for text in study.experiment.objectives]

    def __call__(self) -> Proposal | None:
        """Return the next training; None once all is decided, or the budget is spent."""
        groups: dict[str, list[Row]] = {}
        for row in self.study.rows():
            groups.setdefault(row.identity, []).append(row)
        if sum(len(rows) - 1 for rows in groups.values()) >= self.budget:
            return None
        means = self.study.means()
        limits = self.study.experiment.limits
        own = [mean for mean in means if not mean.name and mean.keeps(limits)]
        most = max((mean.n for mean in own), default=0)
        behind = [mean for mean in means if mean.name and len(groups[mean.name]) < most]
        wanted = behind[0] if behind else None
        if not wanted and len(own) > 1:
            running = {key for key, rows in groups.items() if any(is_open(row) for row in rows)}
            key = self._seeds.next(known(own, self._goals), running)
            wanted = next((mean for mean in own if mean.key == key), None)
        if not wanted:
            return None
        seed = 1 + max(row.seed for row in groups[wanted.name or wanted.key])
        return self.study.pick(self.study.architecture(wanted), wanted.name, seed)


def is_open(row: Row) -> bool:
    """Tell whether a training has not come to its end."""
    return row.status in ("running", "interrupted")
