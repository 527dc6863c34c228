"""How many architectures a tree holds, exactly, without enumerating them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random

from spaces.labels import Label
from spaces.tree import Decision, Group, Node

Ways = dict[frozenset[tuple[str, Label]], int]


def count(root: Node, fixed: Mapping[str, Label] | None = None) -> int:
    """Count the architectures of a tree in which some names are already decided."""
    return sum(ways(root, root.names, fixed or {}).values())


def ways(node: Node, total: Counter[str], fixed: Mapping[str, Label]) -> Ways:
    """Count by what each name that also stands elsewhere in the tree has been given.

    A tied name is kept in the key until all its places have met; then it is summed out, so the
    table stays small.
    """
    if not node.names:
        return {frozenset(): 1}
    table: Ways
    if isinstance(node, Decision):
        table = {}
        shared = total[node.name] > 1 and node.name not in fixed
        for label, branch in node.branches.items():
            if node.name in fixed and fixed[node.name] != label:
                continue
            here = {(node.name, label)} if shared else set()
            for key, number in ways(branch, total, fixed).items():
                table[key | here] = table.get(key | here, 0) + number
    elif isinstance(node, Group):
        table = {frozenset(): 1}
        for child in node.children:
            table = joined(table, ways(child, total, fixed))
    return summed_out(table, {name for name, here in node.names.items() if here == total[name]})


def joined(one: Ways, other: Ways) -> Ways:
    """Multiply two tables where their assignments agree."""
    table: Ways = {}
    for key, number in one.items():
        given = dict(key)
        for further, times in other.items():
            if all(given.get(name, label) == label for name, label in further):
                both = key | further
                table[both] = table.get(both, 0) + number * times
    return table


def summed_out(table: Ways, done: set[str]) -> Ways:
    """Forget the names that stand nowhere else."""
    if not any(name in done for key in table for name, _ in key):
        return table
    smaller: Ways = {}
    for key, number in table.items():
        rest = frozenset(pair for pair in key if pair[0] not in done)
        smaller[rest] = smaller.get(rest, 0) + number
    return smaller


def is_entangled(node: Decision, total: Counter[str]) -> bool:
    """Tell whether a decision bears on others: it is tied, or something tied lies beneath it."""
    return any(total[name] > here for name, here in node.names.items())


def draw(root: Node, node: Decision, made: Mapping[str, Label], random: Random) -> Label:
    """Draw a label as often as it leads to architectures, so that each comes equally often."""
    if is_entangled(node, root.names):
        counts = {label: count(root, {**made, node.name: label}) for label in node.branches}
    else:
        if not node.counts:
            node.counts = {
                label: sum(ways(branch, root.names, {}).values())
                for label, branch in node.branches.items()
            }
        counts = node.counts
    position = random.randrange(sum(counts.values()))
    for label, number in counts.items():
        if position < number:
            return label
        position -= number
    raise AssertionError("a position lies below the sum of the counts")
