"""How many architectures a tree holds, exactly, without enumerating them."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from itertools import accumulate
from random import Random

from spaces.labels import Label
from spaces.tree import Decision, Fixed, Group, Node

Key = frozenset[tuple[str, Label]]
Ways = dict[Key, int]

ONE: Ways = {frozenset(): 1}


def count(root: Node) -> int:
    """Count the architectures of a tree."""
    return sum(ways(root, root.names, {}).values())


def ways(node: Node, total: Counter[str], fixed: Mapping[str, Label]) -> Ways:
    """Count by what each name that also stands elsewhere has been given, some names being fixed.

    `total` says how often each name stands in the whole tree. A tied name is kept in the key until
    all its places have met; then it is summed out, so the table stays small.
    """
    if isinstance(node, Fixed) or not node.names:
        return ONE
    met = {name for name, here in node.names.items() if 1 < here == total[name]}
    if isinstance(node, Group):
        return eliminated([ways(one, total, fixed) for one in factors(node)], met)
    shared = total[node.name] > 1 and node.name not in fixed
    table: Ways = {}
    for label, branch in node.branches.items():
        if node.name in fixed and fixed[node.name] != label:
            continue
        here = {(node.name, label)} if shared else set()
        for key, number in ways(branch, total, fixed).items():
            table[key | here] = table.get(key | here, 0) + number
    return summed_out(table, met)


def factors(node: Node) -> Iterator[Decision]:
    """Yield the outermost decisions of a tree: all combinations of them are architectures."""
    if isinstance(node, Decision):
        yield node
    elif isinstance(node, Group):
        for child in node.children:
            yield from factors(child)


def eliminated(tables: list[Ways], names: Iterable[str]) -> Ways:
    """Multiply tables, name by name those that meet in it, so that no large product arises."""
    held = [({name for key in table for name, _ in key}, table) for table in tables]
    for name in sorted(names):
        meeting = [pair for pair in held if name in pair[0]]
        if not meeting:
            continue
        table = summed_out(reduce(joined, (table for _, table in meeting)), {name})
        about = set().union(*(about for about, _ in meeting)) - {name}
        held = [(about, table), *(pair for pair in held if name not in pair[0])]
    return reduce(joined, (table for _, table in held), ONE)


def joined(one: Ways, other: Ways) -> Ways:
    """Multiply two tables where their assignments agree."""
    table: Ways = {}
    for names, keys in by_names(one).items():
        for further_names, further_keys in by_names(other).items():
            common = names & further_names
            agreeing: dict[Key, list[Key]] = {}
            for further in further_keys:
                agreeing.setdefault(part(further, common), []).append(further)
            for key in keys:
                for further in agreeing.get(part(key, common), ()):
                    both = key | further
                    table[both] = table.get(both, 0) + one[key] * other[further]
    return table


def by_names(table: Ways) -> dict[frozenset[str], list[Key]]:
    """Sort the keys of a table by the names that arise in them."""
    sorted_keys: dict[frozenset[str], list[Key]] = {}
    for key in table:
        sorted_keys.setdefault(frozenset(name for name, _ in key), []).append(key)
    return sorted_keys


def part(key: Key, names: frozenset[str]) -> Key:
    """Return what a key says of some names."""
    return frozenset(pair for pair in key if pair[0] in names)


def summed_out(table: Ways, done: set[str]) -> Ways:
    """Forget the names that stand nowhere else."""
    if not done:
        return table
    smaller: Ways = {}
    for key, number in table.items():
        rest = frozenset(pair for pair in key if pair[0] not in done)
        smaller[rest] = smaller.get(rest, 0) + number
    return smaller


class Island:
    """Outermost decisions that share names with each other, and with no others."""

    def __init__(self, decisions: list[Decision]) -> None:
        self.root = Group(list, list(decisions))
        self.shared = [name for name, places in self.root.names.items() if places > 1]
        self._known: dict[tuple[object, ...], tuple[list[Label], list[int]]] = {}

    def draw(self, node: Decision, made: Mapping[str, Label], random: Random) -> Label:
        """Draw a label as often as it leads to architectures, so that each comes equally often."""
        # what is made already and not shared leaves one way each, whatever it is
        key = (node, *(made.get(name, ...) for name in self.shared))
        if key not in self._known:
            self._known[key] = self._weights(node, made)
        labels, until = self._known[key]
        return labels[bisect(until, random.randrange(until[-1]))]

    def _weights(self, node: Decision, made: Mapping[str, Label]) -> tuple[list[Label], list[int]]:
        # counted once more than it stands, the node's own name is never summed out
        total = self.root.names + Counter([node.name])
        table = ways(self.root, total, made)
        labels = list(node.branches)
        counts = (table.get(frozenset({(node.name, label)}), 0) for label in labels)
        return labels, list(accumulate(counts))


def islands(root: Node) -> list[Island]:
    """Split a tree into decisions that bear on each other through shared names."""
    found: list[tuple[set[str], list[Decision]]] = []
    for decision in factors(root):
        names, members = set(decision.names), [decision]
        apart = []
        for others in found:
            if names.isdisjoint(others[0]):
                apart.append(others)
            else:
                names, members = names | others[0], others[1] + members
        found = [*apart, (names, members)]
    return [Island(members) for _, members in found]
