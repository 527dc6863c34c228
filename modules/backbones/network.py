"""What every backbone shares: a plan of deferred parts, the network that builds it, its sites."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial, update_wrapper
from logging import getLogger
from typing import Generic, ParamSpec

from torch import Tensor, nn

from modules.backbones.pretrained import load_pretrained

P = ParamSpec("P")
Factory = Callable[..., nn.Module]
Act = Callable[[], nn.Module]
Site = Factory | None | Sequence["Site"] | Mapping[str, "Site"]
Plan = dict[str, Callable[[], nn.Module]]

relu = partial(nn.ReLU, inplace=True)


class Network(nn.Sequential):
    """A network is the sequence of its plan's parts: `stem`, `stage1.0`, …, `head`."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        for name, part in plan.items():
            stage, _, block = name.partition(".")
            if not block:
                self.add_module(stage, part())
                continue
            if stage not in self._modules:
                self.add_module(stage, nn.Sequential())
            self.get_submodule(stage).add_module(block, part())

    def stages(self, x: Tensor) -> list[Tensor]:
        """Return the feature map of every stage, finest first."""
        maps = []
        for name, part in self.named_children():
            if name == "head":
                break
            x = part(x)
            if name.startswith("stage"):
                maps.append(x)
        return maps


class Backbone(Generic[P]):
    """A function that plans a network; calling it builds the network, `.plan` only plans it.

    The keyword `weights`, where the function has it, is for the built network: plans have none.
    """

    __name__: str

    def __init__(self, plan: Callable[P, Plan]) -> None:
        self.plan = plan
        update_wrapper(self, plan)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Network:
        network = Network(self.plan(*args, **kwargs))
        if kwargs.get("weights") is None or next(network.parameters()).is_meta:
            return network
        report = load_pretrained(network, self.__name__)
        getLogger(__name__).info("%s: %s", self.__name__, report)
        return network


class Places:
    """Which factory a site holds at each block: one for all, one per stage, per block, or by name.

    A sequence has one entry per stage, an entry that is a sequence one per block; a mapping names
    the stages and blocks it fills (`{"stage3": SE, "stage4.0": ECA}`) and leaves the rest alone.
    """

    def __init__(self, depths: Sequence[int], **sites: Site) -> None:
        self.depths = depths
        self.sites = sites
        for name, site in sites.items():
            if isinstance(site, nn.Module):
                raise ValueError(f"{name} is a module already; a site holds a factory: its class")
            if isinstance(site, Mapping):
                self._check_names(name, site)
            elif isinstance(site, Sequence) and not isinstance(site, str):
                self._check_lengths(name, site)

    def at(self, name: str, stage: int, block: int = 0) -> Factory | None:
        """Return the factory of site `name` at a block, both counted from 0."""
        site = self.sites[name]
        if isinstance(site, Mapping):
            whole = site.get(f"stage{stage + 1}")
            site = site.get(f"stage{stage + 1}.{block}", whole)
        elif isinstance(site, Sequence) and not isinstance(site, str):
            site = site[stage]
        if isinstance(site, Sequence) and not isinstance(site, str):
            site = site[block]
        held = f"{name} at stage{stage + 1}.{block} is {site!r}; a site holds a factory"
        if isinstance(site, Sequence | Mapping):
            raise ValueError(held)
        factory: Factory | None = site
        if factory is not None and not callable(factory):
            raise ValueError(held)
        return factory

    def _check_lengths(self, name: str, site: Sequence[Site]) -> None:
        if len(site) != len(self.depths):
            raise ValueError(
                f"{name} has {len(site)} entries and the network {len(self.depths)} stages"
            )
        for stage, (entry, depth) in enumerate(zip(site, self.depths, strict=True), 1):
            if isinstance(entry, Sequence) and len(entry) != depth:
                raise ValueError(
                    f"{name}.{stage - 1} has {len(entry)} entries and stage{stage} {depth} blocks"
                )

    def _check_names(self, name: str, site: Mapping[str, Site]) -> None:
        stages = [f"stage{stage}" for stage in range(1, len(self.depths) + 1)]
        blocks = [
            f"{stage}.{block}"
            for stage, depth in zip(stages, self.depths, strict=True)
            for block in range(depth)
        ]
        for place in site:
            if place not in stages + blocks:
                near = get_close_matches(place, stages + blocks, 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"{name}: no place {place!r}, stages are {stages}{hint}")


def kaiming(part: nn.Module) -> None:
    """Draw convolutions as He et al. 2015 (fan out), set norms to one and zero.

    A module with a start of its own, such as the identity, sets it again in `initialise()`.
    """
    for module in part.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm) and module.affine:
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    for module in part.modules():
        initialise = getattr(module, "initialise", None)
        if callable(initialise):
            initialise()
