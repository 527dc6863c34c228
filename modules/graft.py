"""Put modules at places of any network: torchvision's, timm's, your own, pretrained or not."""

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from modules.places import Place, Shape, Trace, bare, is_meta, shape_of, shapes, traced

Factory = Callable[..., nn.Module]
Patterns = Mapping[str, Factory | None]


class Hit(NamedTuple):
    """A place, the pattern that hit it, and what shall stand there."""

    place: Place
    pattern: str
    factory: Factory
    is_after: bool


class Grafted(nn.Module):
    """What stood at a place, and what has been put after it."""

    def __init__(self, place: nn.Module, graft: nn.Module) -> None:
        super().__init__()
        self.place = place
        self.graft = graft

    def forward(self, *inputs: object, **named: object) -> Tensor:
        y: Tensor = self.graft(self.place(*inputs, **named))
        return y


def graft(
    network: Callable[[], nn.Module],
    after: Patterns | None = None,
    instead: Patterns | None = None,
    num_classes: int | None = None,
    image: tuple[int, int, int] = (3, 224, 224),
) -> nn.Module:
    """Build a network with modules after places, or instead of what stands there.

    Places are patterns over module names: `layer3.*` are the blocks of a torchvision ResNet's third
    stage, since `*` crosses no dot. A factory is called with what it asks for: `channels`, or
    `planes, stride`, or nothing, as an activation's; a module that stands at several names stays
    shared. Weights are kept, and a new head is made where `num_classes` are others. `image` is what
    shapes are found with; the network may be trained on another size. On the meta device, where
    costs are counted, no weights are loaded.
    """
    if isinstance(network, nn.Module):
        raise ValueError(
            f"network is a {type(network).__name__} that is built already; "
            "hand in what builds it: partial(resnet50, weights=...)"
        )
    trace = traced(network, image)
    made = built(network, trace)
    hits = [*hit(trace, after or {}, True), *hit(trace, instead or {}, False)]
    check_apart(hits)
    order = {place.name: index for index, place in enumerate(trace.places)}
    if num_classes is not None:
        for name in trace.heads:
            put(made, [name], resized(made.get_submodule(name), num_classes))
        if not trace.heads:
            raise ValueError(
                f"{type(made).__name__} has no last layer to replace for {num_classes} classes; "
                "build it with as many: partial(network, num_classes=...)"
            )
    for one in sorted(hits, key=lambda one: order[one.place.name]):
        new = grown(one)
        old = made.get_submodule(one.place.name)
        put(made, one.place.names, Grafted(old, new) if one.is_after else new)
    return made


def built(network: Callable[[], nn.Module], trace: Trace) -> nn.Module:
    """Build the network, with its weights where there are values at all."""
    on_meta = torch.empty(0).is_meta
    made = bare(network)() if on_meta else network()
    if any(isinstance(module, Grafted) for module in made.modules()):
        raise ValueError("the network is grafted already; its function has to build a new one")
    tensors = shapes(made)
    differing = [n for n in {**tensors, **trace.tensors} if tensors.get(n) != trace.tensors.get(n)]
    if differing:
        raise ValueError(
            f"{type(made).__name__} has another {differing[0]} with its weights than without; "
            "say in its arguments what it is made of, such as aux_logits=False"
        )
    return made


def hit(trace: Trace, patterns: Patterns, is_after: bool) -> Iterator[Hit]:
    """Yield what patterns hit; those that hold nothing are looked up all the same."""
    for pattern, factory in patterns.items():
        places = trace.hit(pattern)
        if factory is None:
            continue
        if isinstance(factory, nn.Module) or not callable(factory):
            kind = type(factory).__name__
            raise ValueError(f"{pattern!r} holds a {kind}; a place holds a factory: a class")
        for place in places:
            yield Hit(place, pattern, factory, is_after)


def check_apart(hits: list[Hit]) -> None:
    """Refuse two modules at one place, and one inside what another stands at."""
    for index, one in enumerate(hits):
        for other in hits[:index]:
            if one.place is other.place:
                raise ValueError(
                    f"{one.place.name} is hit by {other.pattern!r} and by {one.pattern!r}; "
                    "a place takes one module"
                )
            for outer, inner in ((one, other), (other, one)):
                if is_inside(inner.place, outer.place):
                    raise ValueError(
                        f"{inner.place.name}, hit by {inner.pattern!r}, lies inside "
                        f"{outer.place.name}, hit by {outer.pattern!r}; name places side by side"
                    )


def is_inside(inner: Place, outer: Place) -> bool:
    """Tell whether a place is part of another, by any of their names."""
    return any(name.startswith(f"{prefix}.") for name in inner.names for prefix in outer.names)


def grown(one: Hit) -> nn.Module:
    """Build what stands at a place, and see that it hands on what the network goes on with."""
    place, called = one.place, name_of(one.factory)
    where = f"{'after' if one.is_after else 'instead of'} {place.name}"
    # for each call of the place: what goes into the module, and what has to come out
    sides = [(call.made if one.is_after else call.given, call.made) for call in place.calls]
    count = wanted(one.factory)
    arguments = told(one, where, sides, count) if count else ()
    try:
        new = one.factory(*arguments)
    except Exception as error:  # whatever a constructor raises, its place is to be known
        call = f"{called}({', '.join(map(str, arguments))})"
        raise ValueError(f"{where}: {call}: {error or type(error).__name__}") from error
    if count == 2 and getattr(new, "channels", arguments[0]) != arguments[0]:
        raise ValueError(
            f"{where}: {called} works on {new.channels} channels, and {arguments[0]} stay around it"
        )
    for given, made in sides:
        returned = outcome(new, given, f"{where}: {called}") if given else None
        if returned is not None and returned != made:
            raise ValueError(
                f"{where}: {called} returned {returned} for {given}; "
                f"the network goes on with {made}"
            )
    return new


def told(one: Hit, where: str, sides: list[tuple[Shape, Shape]], count: int) -> tuple[int, ...]:
    """Return the channels of a place, and the stride where a factory asks for two numbers."""
    place = one.place
    channels = place.channels if one.is_after else place.channels_given
    differing = [(given, made) for given, made in sides if given != made]
    if differing and (count < 2 or place.channels != channels):
        given, made = differing[0]
        raise ValueError(
            f"{where}: {place.name} makes {made} of {given}; {name_of(one.factory)} keeps "
            f"{'shapes' if count < 2 else 'channels'} and can stand after it"
        )
    return (channels, max(-(-given[3] // made[3]) for given, made in sides))[:count]


def wanted(factory: Factory) -> int:
    """Count what a factory asks for: channels and a stride, channels, or nothing."""
    kind = factory.func if isinstance(factory, partial) else factory
    site = getattr(kind, "site", None)
    if site == "fuse":
        raise ValueError(f"{name_of(factory)} fuses two maps, and a place has one")
    parameters = list(inspect.signature(factory).parameters.values())
    asked = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if takes_any and not asked and not isinstance(kind, type) and site != "act":
        return 2 if site == "mix" else 1  # a function that hands on whatever it is given
    if site == "act" or not asked or asked[0].default is not asked[0].empty:
        return 0
    return 2 if len(asked) > 1 and asked[1].name == "stride" else 1


def outcome(module: nn.Module, given: Shape, words: str) -> Shape | None:
    """Return the shape that a module makes of another; None where it does not say."""
    twin = module if is_meta(module) else copy.deepcopy(module).to("meta")
    modes = [(part, part.training) for part in twin.modules()]
    try:
        with torch.no_grad():
            return shape_of(twin.eval()(torch.empty(given, device="meta")))
    except ValueError:
        return None  # images of another size may suit it, and the first forward says the rest
    except RuntimeError as error:
        if "meta" in str(error).lower():
            return None  # it looks at values
        raise ValueError(
            f"{words} on {given}: {str(error).splitlines()[0]}; image=(c, h, w) sets the size"
        ) from error
    finally:
        for part, mode in modes:
            part.training = mode


def resized(head: nn.Module, classes: int) -> nn.Module:
    """Return a last layer for so many classes: the one that is there if it has as many."""
    assert isinstance(head, nn.Linear | nn.Conv2d)
    if len(head.weight) == classes:
        return head
    new = copy.deepcopy(head)
    if isinstance(new, nn.Linear):
        new.out_features = classes
    else:
        new.out_channels = classes
    new.weight = nn.Parameter(head.weight.new_empty(classes, *head.weight.shape[1:]))
    if head.bias is not None:
        new.bias = nn.Parameter(head.bias.new_empty(classes))
    new.reset_parameters()
    return new


def put(network: nn.Module, names: list[str], module: nn.Module) -> None:
    """Have a module stand at names of a network."""
    for name in names:
        parent, _, own = name.rpartition(".")
        network.get_submodule(parent).register_module(own, module)


def name_of(factory: Factory) -> str:
    """Return the name of what a factory makes."""
    kind = factory.func if isinstance(factory, partial) else factory
    return str(getattr(kind, "__name__", type(kind).__name__))
