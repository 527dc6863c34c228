"""Ties: which choices may share a name, and so be decided together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from spaces.labels import SpaceError
from spaces.tree import Choice, Decision, Group, Node


def check_ties(node: Node, first: dict[str, Decision]) -> None:
    """Refuse one name for two different choices, and a tie that is named like a path.

    What lies inside equal ties is equal and tied with them, so only the first is looked into.
    """
    if isinstance(node, Decision):
        other = first.setdefault(node.name, node)
        if other is not node:
            check_tied(other.choice, node.choice, node.name)
            return
        for branch in node.branches.values():
            check_ties(branch, first)
    elif isinstance(node, Group):
        for child in node.children:
            check_ties(child, first)


def check_tied(one: Choice, other: Choice, name: str) -> None:
    """Refuse two choices of one name that are not tied, or not equal."""
    if one.tie is None and other.tie is None:
        raise SpaceError(f"two choices are both called {name!r}; give one a name of its own: tie=")
    if one.tie is None or other.tie is None:
        raise SpaceError(f"tie={name!r} is also the path of a choice; rename the tie")
    if one.labels != other.labels:
        raise SpaceError(
            f"choices tied as {name!r} offer {list(one.labels)} and {list(other.labels)}; "
            "equal ties offer equal options"
        )
    if not alike(one, other):
        raise SpaceError(
            f"choices tied as {name!r} offer different things under the same labels; "
            "equal ties offer equal options"
        )


def alike(one: object, other: object) -> bool:
    """Tell whether two options are written the same."""
    if one is other:
        return True
    if isinstance(one, Choice) and type(one) is type(other):
        return alike(tuple(vars(one).values()), tuple(vars(other).values()))
    if isinstance(one, partial) and isinstance(other, partial):
        return alike((one.func, one.args, one.keywords), (other.func, other.args, other.keywords))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return alike(tuple(one.items()), tuple(other.items()))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return type(one) is type(other) and bool(one == other)
