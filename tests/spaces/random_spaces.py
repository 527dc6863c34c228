"""Random spaces with ties and conditions, and a slow second reading of them to judge by.

A space is drawn as a plain description: ("value", value), ("list", [...]), ("dict", {...}),
("call", function, [(keyword or None, description)]) or ("choice", tie, {label: description}).
`written` turns it into what a user would write, `outcomes` tries out everything it can mean.
"""

from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

from spaces import Space, choice

Description = tuple[Any, ...]
Labels = dict[str, object]
Ties = dict[str, Description]


def network(*args: object, **sites: object) -> None: ...


def red(*args: object, **named: object) -> None: ...


def green(*args: object, **named: object) -> None: ...


def blue(*args: object, **named: object) -> None: ...


FUNCTIONS = [red, green, blue]
VALUES = [None, True, 2, 3.5, "word"]


def drawn_space(random: Random) -> Description:
    """Describe a call of `network`; some of its choices are tied, some lie within others."""
    ties: Ties = {}
    positional = random.randrange(3)
    parts = [
        (None if position < positional else f"site{position}", drawn(random, 3, ties))
        for position in range(random.randrange(1, 5))
    ]
    return "call", network, parts


def drawn(random: Random, depth: int, ties: Ties) -> Description:
    kind = random.choice(["choice"] * 5 + ["tie"] * 3 + ["call", "list", "dict", "value"])
    if depth == 0 or kind == "value":
        return "value", random.choice(VALUES)
    if kind == "choice":
        return "choice", None, drawn_options(random, depth, ties)
    if kind == "tie":
        return drawn_tie(random, depth, ties)
    if kind == "call":
        return drawn_call(random, random.choice(FUNCTIONS), depth, ties)
    if kind == "list":
        return "list", [drawn(random, depth - 1, ties) for _ in range(random.randrange(1, 3))]
    return "dict", {key: drawn(random, depth - 1, ties) for key in ("stage1", "stage2")}


def drawn_tie(random: Random, depth: int, ties: Ties) -> Description:
    """Repeat a tied choice that stands somewhere already, or make one; none lies in itself."""
    if ties and random.random() < 0.7:
        return random.choice(list(ties.values()))
    options = drawn_options(random, depth, ties)
    name = f"tie{len(ties)}"
    ties[name] = ("choice", name, options)
    return ties[name]


def drawn_options(random: Random, depth: int, ties: Ties) -> dict[object, Description]:
    options: dict[object, Description] = {
        label: ("value", label) for label in random.sample([None, 1, 2.5, "x"], 2)
    }
    for function in random.sample(FUNCTIONS, random.randrange(3)):
        options[function.__name__] = drawn_call(random, function, depth, ties)
    if random.random() < 0.3:
        options["named"] = drawn(random, depth - 1, ties)
    return options


def drawn_call(
    random: Random, function: Callable[..., None], depth: int, ties: Ties
) -> Description:
    names = [None, "one", "two"][random.randrange(2) :]
    return "call", function, [(name, drawn(random, depth - 1, ties)) for name in names]


def space_of(description: Description) -> Space:
    call = written(description)
    return Space(call.func, *call.args, **call.keywords)


def written(description: Description) -> Any:
    """Write a description as a user would."""
    kind, *held = description
    if kind == "value":
        return held[0]
    if kind == "list":
        return [written(item) for item in held[0]]
    if kind == "dict":
        return {key: written(item) for key, item in held[0].items()}
    if kind == "call":
        positional = [written(item) for name, item in held[1] if name is None]
        named = {name: written(item) for name, item in held[1] if name is not None}
        return partial(held[0], *positional, **named)
    options = {label: written(item) for label, item in held[1].items()}
    named = {"named": options.pop("named")} if "named" in options else {}
    return choice(*options.values(), tie=held[0], **named)


def outcomes(
    description: Description, path: str = "", made: Labels | None = None
) -> Iterator[tuple[Labels, object]]:
    """Yield the labels and the resolved description of every architecture."""
    made = made or {}
    kind, *held = description
    if kind == "value":
        yield made, description
    elif kind == "list":
        for after, values in in_turn([*enumerate(held[0])], path, made):
            yield after, ("list", values)
    elif kind == "dict":
        for after, values in in_turn([*held[0].items()], path, made):
            yield after, ("dict", dict(zip(held[0], values, strict=True)))
    elif kind == "call":
        names = [name for name, _ in held[1]]
        places = [(name or place, item) for place, (name, item) in enumerate(held[1])]
        for after, values in in_turn(places, path, made):
            yield after, ("call", held[0], list(zip(names, values, strict=True)))
    else:
        name = held[0] or path
        for label, option in held[1].items():
            if made.get(name, label) == label:
                yield from outcomes(option, f"{name}.{label}", {**made, name: label})


def in_turn(
    parts: list[tuple[object, Description]], path: str, made: Labels
) -> Iterator[tuple[Labels, list[object]]]:
    if not parts:
        yield made, []
        return
    (key, first), *rest = parts
    for after, value in outcomes(first, f"{path}.{key}" if path else str(key), made):
        for later, values in in_turn(rest, path, after):
            yield later, [value, *values]


def described(value: Any) -> Description:
    """Take a resolved call apart into what `outcomes` says of it."""
    if isinstance(value, partial):
        positional = [(None, described(item)) for item in value.args]
        named = [(name, described(item)) for name, item in value.keywords.items()]
        return "call", value.func, positional + named
    if isinstance(value, dict):
        return "dict", {key: described(item) for key, item in value.items()}
    if isinstance(value, list):
        return "list", [described(item) for item in value]
    return "value", value
