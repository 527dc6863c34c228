"""The file that takes an export into mmdet: as a backbone, and its attention as plugins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from string import Template

from search.expression import Expressions
from search.layout import Bracketed, by_kind, from_lines, import_block, laid_out
from search.sources import Import

MMDET = Template('''\
"""$name in mmdet: its maps as a backbone$also.

In a configuration:

    custom_imports = {"imports": ["${name}_mmdet"]}
    backbone = {"type": "$backbone"}
    neck = {"type": "FPN", "in_channels": $channels, "out_channels": 256, "num_outs": 5}
$usage"""

$imports

WEIGHTS = str(Path(__file__).with_name("$name.safetensors"))


@MODELS.register_module()
class $backbone(BaseModule):
    """The maps of the network's stages, the finest first."""

    def __init__(self, init_cfg: object = None) -> None:
        super().__init__(init_cfg)
        self.network = build(weights=WEIGHTS)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network.stages(x))
$plugins''')

USAGE = Template("""
or beside the backbone {"type": "ResNet", "depth": 50}, at the stages that are True:

    plugins = [
$plugins
    ]
""")

PLUGIN = Template('''

@MODELS.register_module()
class $plugin(nn.Module):
    """$kind as mmcv builds it, with channels that it calls in_channels."""

    _abbr_ = "$place"

    def __init__(self, in_channels: int) -> None:
        super().__init__()
$layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)
''')

STAGES = '"stages": (True, True, True, True)'
POSITIONS = {"inner": "after_conv2", "gate": "after_conv3"}
"""Where mmdet's ResNet has plugins, by the sites that are the same places."""


def in_mmdet(name: str, channels: Sequence[int], sites: Mapping[str, object]) -> str:
    """Write a backbone, and an adapter for each module at a site that is a plugin's place."""
    write = Expressions()
    title = "".join(part.title() for part in name.split("_"))
    plugins, usage = [], []
    for site, kind, factory in attention(sites):
        call = write.call(factory.func, factory.args, factory.keywords, site, keep=True)
        places = len(factory.args)
        items = (*call.items[:places], "in_channels", *call.items[places:])
        layer = Bracketed(call.open, items, prefix="self.layer = ")
        plugin = f"{title}{kind}"
        plugins.append(
            PLUGIN.substitute(
                plugin=plugin,
                kind=factory.func.__name__,
                place=f"{site}_{kind.lower()}",
                layer="\n".join(laid_out(layer, 8)),
            )
        )
        cfg = f'{{"type": "{plugin}"}}'
        usage.append(f'        {{"cfg": {cfg}, {STAGES}, "position": "{POSITIONS[site]}"}},')
    return MMDET.substitute(
        name=name,
        also=", its attention as plugins of mmdet's own" if plugins else "",
        backbone=f"{title}Backbone",
        channels=list(channels),
        usage=USAGE.substitute(plugins="\n".join(usage)) if usage else "",
        imports=imports(name, write, bool(plugins)),
        plugins="".join(plugins),
    )


def attention(keywords: Mapping[str, object]) -> Iterator[tuple[str, str, partial[object]]]:
    """Yield what stands at the sites that mmdet knows, each once, with a name of its own."""
    seen: list[tuple[str, object]] = []
    counts: Counter[str] = Counter()
    for site in POSITIONS:
        for factory in factories(keywords.get(site)):
            held = factory if isinstance(factory, partial) else partial(factory)
            key = site, (held.func, held.args, held.keywords)
            if key not in seen:
                seen.append(key)
                kind = held.func.__name__
                counts[kind] += 1
                yield site, kind + (str(counts[kind]) if counts[kind] > 1 else ""), held


def factories(site: object) -> Iterator[Callable[..., object]]:
    """Yield what stands at a site, whichever way it is spread over the network."""
    if isinstance(site, Mapping | list | tuple):
        for held in site.values() if isinstance(site, Mapping) else site:
            yield from factories(held)
    elif callable(site):
        yield site


def imports(name: str, write: Expressions, has_plugins: bool) -> str:
    """Set the imports of the file for mmdet."""
    held = {Import("pathlib", "Path", "Path"), Import("torch", "Tensor", "Tensor"), *write.imports}
    held |= {Import("torch", "nn", "nn")} if has_plugins else set()
    theirs = ["from mmengine.model import BaseModule", "from mmengine.registry import MODELS"]
    *standard, outside = import_block(held).split("\n\n")
    lines = outside.splitlines()
    whole = [line for line in lines if line.startswith("import ")]
    roots = {"build", *(root for _, root in write.definitions)}
    ours = sorted((Import(name, root, root) for root in roots), key=by_kind)
    blocks = [
        *standard,
        "\n".join([*whole, *theirs, *lines[len(whole) :]]),
        "\n".join(from_lines(name, ours)),
    ]
    return "\n\n".join(blocks)
