"""Small steps through a space, for searches that start from an architecture they have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from spaces.dsl import Architecture, Space
from spaces.labels import Label


def neighbours(space: Space, architecture: Architecture) -> Iterator[Architecture]:
    """Yield what is one decision away: another option, or the next number up or down.

    A choice that this opens takes its first option; a fit is solved anew.
    """
    offered = space.labels
    for name in [name for name in architecture.choices if name in offered]:
        for other in steps(offered[name], architecture.choices[name]):
            yield moved(space, architecture, name, other, lambda labels: labels[0])


def mutate(space: Space, architecture: Architecture, random: Random) -> Architecture:
    """Change one decision at random, and draw what this opens."""
    offered = space.labels
    names = [name for name in architecture.choices if len(offered.get(name, ())) > 1]
    if not names:
        return architecture
    name = random.choice(names)
    others = [label for label in offered[name] if label != architecture.choices[name]]
    return moved(space, architecture, name, random.choice(others), random.choice)


def moved(
    space: Space,
    architecture: Architecture,
    changed: str,
    label: Label,
    opened: Callable[[tuple[Label, ...]], Label],
) -> Architecture:
    """Decide one name anew, keep what still fits, and answer what this opens."""

    def pick(name: str, labels: tuple[Label, ...]) -> Label:
        if name == changed:
            return label
        if architecture.choices.get(name, opened) in labels:
            return architecture.choices[name]
        return opened(labels)

    return space.sample(pick)


def steps(labels: tuple[Label, ...], label: Label) -> list[Label]:
    """Return the labels next to one: all others, or the numbers just below and above."""
    numbers = [option for option in labels if type(option) is int or type(option) is float]
    if len(numbers) < len(labels):
        return [option for option in labels if option != label]
    ranked = sorted(numbers)
    place = [number == label for number in ranked].index(True)
    return [*ranked[max(0, place - 1) : place], *ranked[place + 1 : place + 2]]
