"""The places of any network: its modules by name, and the shapes that go through them.

Shapes are seen in one pass that evaluates and one that trains, on the meta device, where nothing is
computed. The two take images of different sizes where the network lets them: a count of channels
stays the same then, and a side of a map does not.
"""

import copy
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache, partial

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

BUILT_WITHOUT: Mapping[str, object] = {
    "weights": None,
    "weights_backbone": None,
    "pretrained": False,
}
"""Arguments of torchvision's and timm's networks that load what the meta device cannot hold."""
LARGER = (32, 64)
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """Shapes of one use of a module; what is no tensor, or not alone, has an empty one."""

    given: Shape
    made: Shape


@dataclass
class Place:
    """A module of a network: its class, its names if it is shared, and all its uses."""

    kind: str
    names: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The first of its names."""
        return self.names[0]

    @property
    def channels(self) -> int:
        """The channels of the maps that it hands on; a ValueError says why there are none."""
        return self._channels([call.made for call in self.calls], "returns")

    @property
    def channels_given(self) -> int:
        """The channels of the maps that it takes."""
        return self._channels([call.given for call in self.calls], "takes")

    def _channels(self, shapes: list[Shape], verb: str) -> int:
        if not shapes:
            raise ValueError(f"{self.name}, a {self.kind}, is never called by itself")
        for shape in shapes:
            if len(shape) != 4:
                shown = shape or "something else than one tensor"
                raise ValueError(f"{self.name} {verb} {shown}, not a map (n, c, h, w)")
        counts = sorted({shape[1] for shape in shapes})
        if len(counts) == 1:
            return counts[0]
        if len({shape[3] for shape in shapes}) == 1:
            raise ValueError(f"{self.name} {verb} {shapes[0]}, a map with its channels last")
        many = " and ".join(map(str, counts))
        raise ValueError(
            f"{self.name} is called several times and {verb} maps of {many} channels; "
            "a module is made for one count"
        )


@dataclass(frozen=True)
class Trace:
    """What is known of a network: its places in order, its tensors, the layers it ends with."""

    kind: str
    places: list[Place]
    tensors: dict[str, Shape]
    heads: list[str]

    def hit(self, pattern: str) -> list[Place]:
        """Return the places a pattern stands for; `*` is any part of a name without a dot."""
        wanted = re.compile("[^.]*".join(map(re.escape, pattern.split("*"))))
        hits = [p for p in self.places if any(wanted.fullmatch(name) for name in p.names)]
        if hits:
            return hits
        names = [name for place in self.places for name in place.names]
        known = dict.fromkeys([*(starred(name, pattern) for name in names), *names])
        close = get_close_matches(pattern, known, 3)
        nearest = f"; the nearest are {', '.join(map(repr, close))}" if close else ""
        raise ValueError(f"no place {pattern!r} in {self.kind}{nearest}")


def starred(name: str, pattern: str) -> str:
    """Return a name with stars where a pattern of as many parts has them."""
    parts, wanted = name.split("."), pattern.split(".")
    if len(parts) != len(wanted):
        return name
    return ".".join("*" if star == "*" else part for part, star in zip(parts, wanted, strict=True))


@lru_cache(maxsize=8)
def traced(network: Callable[..., nn.Module], image: tuple[int, int, int]) -> Trace:
    """Find out once what a network is made of; the architectures of a space share it."""
    with torch.random.fork_rng(devices=[]):  # what follows is drawn as if nobody had looked
        twin = shadow(network)
        places = {id(module): Place(type(module).__name__) for module in twin.modules()}
        for name, module in twin.named_modules(remove_duplicate=False):
            places[id(module)].names.append(name)
        heads = run(twin, places, image)
    del places[id(twin)]
    return Trace(type(twin).__name__, list(places.values()), shapes(twin), heads)


def bare(network: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """Return the call that builds a network without loading anything into it."""
    if not isinstance(network, partial):
        return network
    kept = {name: BUILT_WITHOUT.get(name, value) for name, value in network.keywords.items()}
    return partial(network.func, *network.args, **kept)


def shadow(network: Callable[..., nn.Module]) -> nn.Module:
    """Return a network on the meta device, without weights and built in silence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with torch.device("meta"):
                made = bare(network)()
        except RuntimeError:  # it looks at values while it is built
            with torch.device("cpu"):
                made = bare(network)()
    return made if is_meta(made) else copy.deepcopy(made).to("meta")


def is_meta(module: nn.Module) -> bool:
    """Tell whether no tensor of a module has values."""
    return all(tensor.is_meta for tensor in (*module.parameters(), *module.buffers()))


def shapes(network: nn.Module) -> dict[str, Shape]:
    """Return the shapes of a network's tensors."""
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def run(network: nn.Module, places: Mapping[int, Place], image: tuple[int, int, int]) -> list[str]:
    """Have places note their calls while a network evaluates and trains; return what it ends with.

    These are the layers that make its outputs, a training's auxiliary ones among them.
    """
    channels, height, width = image
    larger = (height + LARGER[0], width + LARGER[1])
    heads: dict[str, None] = {}
    with watched(network, places) as layers, torch.no_grad():
        for training, sizes in ((False, [(height, width)]), (True, [larger, (height, width)])):
            layers.clear()
            outcome = passed(network.train(training), channels, sizes)
            heads |= dict.fromkeys(makers(outcome, layers))
    return list(heads)


def passed(network: nn.Module, channels: int, sizes: Iterable[tuple[int, int]]) -> object:
    """Return what a network makes of two images of the first size that it takes."""
    words = ""
    for size in sizes:
        try:
            outcome: object = network(torch.empty(2, channels, *size, device="meta"))
        except (RuntimeError, ValueError, TypeError) as error:
            words = f"{type(network).__name__} on {(2, channels, *size)}: {error}".splitlines()[0]
        else:
            return outcome
    raise ValueError(f"{words}; image=(c, h, w) says what it takes")


@contextmanager
def watched(network: nn.Module, places: Mapping[int, Place]) -> Iterator[list[tuple[str, Tensor]]]:
    """Note the calls of places, and yield the list that linear layers and convolutions go to."""
    layers: list[tuple[str, Tensor]] = []

    def note(module: nn.Module, given: tuple[object, ...], made: object) -> None:
        place = places[id(module)]
        place.calls.append(Call(shape_of(given[0] if len(given) == 1 else None), shape_of(made)))
        if isinstance(module, nn.Linear | nn.Conv2d) and isinstance(made, Tensor):
            layers.append((place.name, made))

    handles = [module.register_forward_hook(note) for module in network.modules()]
    try:
        yield layers
    finally:
        for handle in handles:
            handle.remove()


def makers(outcome: object, layers: list[tuple[str, Tensor]]) -> Iterator[str]:
    """Yield the layer that made each output, or else the last of as many features."""
    for leaf in tree_leaves(outcome):
        if isinstance(leaf, Tensor) and leaf.dim() > 1:
            own = [name for name, made in layers if made is leaf]
            alike = [name for name, made in layers if made.shape[1] == leaf.shape[1]]
            yield from (own or alike)[-1:]


def shape_of(value: object) -> Shape:
    """Return the shape of a tensor, an empty one of anything else."""
    return tuple(value.shape) if isinstance(value, Tensor) else ()
