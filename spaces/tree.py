"""A space as a tree of decisions: how it is read from its call, and walked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from typing import NoReturn

from spaces.calls import check_call
from spaces.labels import Label, SpaceError


@dataclass(frozen=True)
class Choice:
    """One open decision: its options by label, and the name it shares with others."""

    options: tuple[tuple[Label, object], ...]
    tie: str | None = None

    def __post_init__(self) -> None:
        if self.tie is not None and not (isinstance(self.tie, str) and self.tie):
            raise SpaceError(f"tie = {self.tie!r} is not a name; write tie='reduction'")

    def undecided(self, *_: object, **__: object) -> NoReturn:
        """Say that nothing is decided yet; what uses a choice has to be deferred."""
        raise SpaceError(
            f"{self!r} is used before it is decided; "
            "defer the call that it stands in: partial(Recipe, lr=choice(...))"
        )

    # callable too, so that partial(choice(...), ...) may hold one for its function
    __call__ = __lt__ = __le__ = __gt__ = __ge__ = undecided

    def __repr__(self) -> str:
        return f"{type(self).__name__.lower()}({', '.join(map(str, self.labels))})"

    @property
    def labels(self) -> tuple[Label, ...]:
        """The names of the options, in the order they were offered."""
        return tuple(label for label, _ in self.options)


@dataclass(frozen=True, repr=False)
class Fit(Choice):
    """A value that is not searched but solved: `metric` shall come closest to `target`."""

    metric: str = "macs"
    target: object = None
    tolerance: float = 0.05


class Fixed:
    """A value in which nothing is open."""

    open: bool = False

    def __init__(self, value: object) -> None:
        self.value = value
        self.names: Counter[str] = Counter()


class Group:
    """A call, list or mapping with something open inside; `make` puts it together again."""

    def __init__(self, make: Callable[[list[object]], object], children: list[Node]) -> None:
        self.make = make
        self.children = children
        self.open: bool = any(child.open for child in children)
        self.names: Counter[str] = sum((child.names for child in children), Counter())


class Decision:
    """A choice at its place; `names` counts the choices here and below, by name."""

    open: bool = True

    def __init__(self, name: str, choice: Choice, branches: dict[Label, Node]) -> None:
        self.name = name
        self.choice = choice
        self.branches = branches
        own = {} if isinstance(choice, Fit) else {name: 1}
        self.names: Counter[str] = sum((branch.names for branch in branches.values()), Counter(own))


Node = Fixed | Group | Decision
Answer = Callable[[Decision, dict[str, Label]], Label]


def read(value: object, path: str) -> Node:
    """Turn a value with choices in it into a tree; a choice's name is its path unless tied."""
    if isinstance(value, Choice):
        return read_choice(value, path)
    if isinstance(value, partial):
        check_calls(value.func, value.args, value.keywords, path)
        parts = [("", value.func), *enumerate(value.args), *value.keywords.items()]
        return group(partial(call, list(value.keywords)), parts, path, value)
    if isinstance(value, Mapping):
        return group(partial(mapping, list(value)), value.items(), path, value)
    if isinstance(value, list):
        return group(list, enumerate(value), path, value)
    if isinstance(value, tuple):
        make = getattr(value, "_make", tuple)
        return group(make, enumerate(value), path, value)
    check_built(value, path)
    return Fixed(value)


def read_choice(choice: Choice, path: str) -> Decision:
    """Read a decision; what lies inside a tied one is named after the tie, so it is tied too."""
    name = choice.tie or path
    branches = {label: read(option, f"{name}.{label}") for label, option in choice.options}
    if isinstance(choice, Fit) and any(branch.open for branch in branches.values()):
        raise SpaceError(f"{name}: the options of a fit are values, without choices inside")
    return Decision(name, choice, branches)


def check_calls(
    function: object, args: Sequence[object], named: Mapping[str, object], path: str
) -> None:
    """Refuse arguments that a function, or any that is offered in its place, does not take."""
    if isinstance(function, Choice):
        for _, option in function.options:
            check_calls(option, args, named, path)
    else:
        check_call(function, args, named, path)


def check_built(value: object, path: str) -> None:
    """Refuse a choice in what has been built already, or has no order."""
    if isinstance(value, set | frozenset) and any(isinstance(item, Choice) for item in value):
        raise SpaceError(f"{path}: a choice stands in a set, which has no places; write a list")
    if not is_dataclass(value) or isinstance(value, type):
        return
    for field in fields(value):
        if read(getattr(value, field.name, None), path).open:
            built = type(value).__name__
            raise SpaceError(
                f"{path}: {field.name} is a choice in a {built} that is built already; "
                f"defer it: partial({built}, {field.name}=...)"
            )


def group(
    make: Callable[[list[object]], object],
    parts: Iterable[tuple[object, object]],
    path: str,
    original: object,
) -> Node:
    """Read the parts of a value; where nothing is open in them the value stays as it was."""
    children = [read(item, f"{path}.{key}".strip(".")) for key, item in parts]
    return Group(make, children) if any(child.open for child in children) else Fixed(original)


def call(keywords: list[str], values: list[object]) -> partial[object]:
    """Defer a call: the function, its positional arguments, then one value per keyword."""
    positional = len(values) - len(keywords)
    named = dict(zip(keywords, values[positional:], strict=True))
    function = values[0]
    assert callable(function)
    return partial(function, *values[1:positional], **named)


def mapping(keys: list[object], values: list[object]) -> dict[object, object]:
    """Return the mapping of the resolved values."""
    return dict(zip(keys, values, strict=True))


def resolve(node: Node, made: dict[str, Label], answer: Answer) -> object:
    """Put the value together, asking for every decision that is reached and not yet made."""
    if isinstance(node, Fixed):
        return node.value
    if isinstance(node, Group):
        return node.make([resolve(child, made, answer) for child in node.children])
    if node.name not in made:
        made[node.name] = answer(node, made)
    return resolve(node.branches[made[node.name]], made, answer)


def offered(decision: Decision, label: object) -> Label:
    """Return the label of a decision that equals an answer."""
    labels = decision.choice.labels
    if label not in labels:
        raise SpaceError(
            f"{decision.name} = {label!r} is not in this space; it offers {list(labels)}"
        )
    return labels[labels.index(label)]


def recorded(decision: Decision, choices: Mapping[str, Label]) -> Label:
    """Answer a decision from a record."""
    if decision.name not in choices:
        raise SpaceError(
            f"no value for {decision.name!r}; this space offers {list(decision.choice.labels)}"
        )
    return offered(decision, choices[decision.name])


def answered(decision: Decision, _: dict[str, Label]) -> Label:
    """Stand where every decision has been made already."""
    raise AssertionError(f"{decision.name} is still open")


def decisions(node: Node) -> Iterator[Decision]:
    """Yield every decision of a tree in reading order, tied ones as often as they stand."""
    if isinstance(node, Decision):
        yield node
        for branch in node.branches.values():
            yield from decisions(branch)
    elif isinstance(node, Group):
        for child in node.children:
            yield from decisions(child)


def places(node: Group) -> Iterator[Node]:
    """Yield the open values that a call holds, its lists and mappings taken apart."""
    for child in node.children:
        if isinstance(child, Group) and getattr(child.make, "func", None) is not call:
            yield from places(child)
        elif child.open:
            yield child
