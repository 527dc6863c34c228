"""What a study's numbers hold for: an experiment as plain text, and how two of them differ."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from search.experiment import Experiment, resolved
from search.objectives import objective
from spaces import Space
from spaces.labels import Label
from spaces.tree import Choice, Fit
from trials.recipe import Recipe

Entries = dict[str, list[Label] | Label]
"""What stands at each place; a list is what a choice offers there."""

SHOWN = 4


@dataclass(frozen=True)
class Record:
    """All that decides the numbers of a study, but for the code and the seeds."""

    objectives: str
    limits: str
    training: Entries
    baselines: dict[str, Entries]

    def continues(self, old: Record) -> bool:
        """Tell whether a study goes on as it is: baselines may come or go, all else stays."""
        return self._differs_in_training_alone(old) and self.training == old.training

    def extends(self, old: Record) -> bool:
        """Tell whether choices have got more options since, and nothing else has changed."""
        return self._differs_in_training_alone(old) and has_grown(old.training, self.training)

    def remembering(self, old: Record) -> Record:
        """Return this with baselines that have left: their trials are still there."""
        return replace(self, baselines={**old.baselines, **self.baselines})

    def difference(self, old: Record) -> str:
        """Say in one line what has changed since."""
        before, after = old._entries(), self._entries()
        lines = [
            line_of(path, before, after)
            for path in dict.fromkeys([*before, *after])
            if (path in before) != (path in after) or before[path] != after[path]
        ]
        more = f"; and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
        return "; ".join(lines[:SHOWN]) + more

    def _differs_in_training_alone(self, old: Record) -> bool:
        shared = self.baselines.keys() & old.baselines.keys()
        return (self.objectives, self.limits) == (old.objectives, old.limits) and all(
            self.baselines[name] == old.baselines[name] for name in shared
        )

    def _entries(self) -> Entries:
        baselines = {
            f"baseline {name}: {path}": entry
            for name, entries in self.baselines.items()
            for path, entry in entries.items()
        }
        ends: Entries = {"objectives": self.objectives, "limits": self.limits}
        return {**self.training, **ends, **baselines}


def record(experiment: Experiment) -> Record:
    """Write an experiment down."""
    goals = [objective(text) for text in experiment.objectives]
    return Record(
        ", ".join(f"{goal.direction} {goal.metric}" for goal in goals),
        ", ".join(map(str, experiment.limits)) or "none",
        {
            "input": "x".join(map(str, experiment.shape)),
            "classes": experiment.classes,
            **dict(described(experiment.space, "")),
            **dict(recipe_entries(experiment.space.recipe)),
        },
        {name: dict(described(space, "")) for name, space in experiment.baselines.items()},
    )


def described(value: Any, path: str) -> Iterator[tuple[str, list[Label] | Label]]:
    """Yield what stands at each place of a value, choices as the lists they offer."""
    if isinstance(value, Space):
        yield from called(value.backbone, value.args, value.sites, path)
    elif isinstance(value, partial):
        yield from called(value.func, value.args, value.keywords, path)
    elif isinstance(value, Fit):
        yield path, f"fit of {value.metric} within {value.tolerance:g} from {list(value.labels)}"
        yield from described(value.target, f"{path}.target")
    elif isinstance(value, Choice):
        yield path, list(value.labels)
        if value.tie:
            yield f"{path} is tied as", value.tie
        for label, option in value.options:
            if option is not label:
                yield from described(option, f"{path}.{label}")
    elif isinstance(value, Mapping) and value:
        yield from parts(value.items(), path)
    elif isinstance(value, list | tuple) and value:
        yield from parts(enumerate(value), path)
    else:
        yield path or "backbone", text_of(value)


def called(
    function: Any, args: Iterable[object], keywords: Mapping[str, object], path: str
) -> Iterator[tuple[str, list[Label] | Label]]:
    """Yield a call: what is called, then its arguments."""
    yield from described(function, path)
    yield from parts([*enumerate(args), *keywords.items()], path)


def parts(
    items: Iterable[tuple[object, object]], path: str
) -> Iterator[tuple[str, list[Label] | Label]]:
    """Yield what a list, a mapping or a call holds."""
    for key, item in items:
        yield from described(item, f"{path}.{key}".strip("."))


def text_of(value: Any) -> Label:
    """Return a plain value as it is, anything else by its name and never by its address."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    name = getattr(value, "__qualname__", None)
    return name if isinstance(name, str) else re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def recipe_entries(recipe: Any) -> Iterator[tuple[str, list[Label] | Label]]:
    """Yield the fields of a recipe; seeds may be added, and overrides show in the network."""
    fields = dict(vars(resolved(recipe) or Recipe())) if recipe else {}
    if isinstance(recipe, partial):
        fields |= inspect.signature(Recipe).bind_partial(*recipe.args, **recipe.keywords).arguments
    for name, value in fields.items():
        if name not in ("seeds", "overrides"):
            yield from described(value, f"recipe.{name}")


def has_grown(old: Entries, new: Entries) -> bool:
    """Tell whether every choice offers what it did; what is new lies beneath a new option."""
    opened = tuple(
        f"{path}.{label}"
        for path, entry in new.items()
        if isinstance(entry, list) and isinstance(before := old.get(path), list)
        for label in entry
        if label not in before
    )
    for path, entry in new.items():
        before = old.get(path)
        if path not in old:
            if not any(f"{path}.".startswith(f"{option}.") for option in opened):
                return False
        elif isinstance(entry, list) and isinstance(before, list):
            if not all(label in entry for label in before):
                return False
        elif entry != before:
            return False
    return old.keys() <= new.keys()


def line_of(path: str, before: Entries, after: Entries) -> str:
    """Say what has changed at one place."""
    if path not in after:
        return f"{path} = {before[path]} is gone"
    if path not in before:
        return f"{path} = {after[path]} is new"
    if isinstance(before[path], list) and isinstance(after[path], list):
        return f"{path} offered {before[path]}, now {after[path]}"
    return f"{path} was {before[path]!r}, now {after[path]!r}"


def title_of(experiment: Experiment) -> str:
    """Return what the study of an experiment is called unless it has a name of its own."""
    return f"{experiment.name}/{experiment.recipe or 'as written'}"


def confirmation_of(study: str) -> str:
    """Return what the study is called that confirms another."""
    return f"{study}/confirm"
