"""The text of a file that defines one network and needs nothing but torch.

A grafted network imports the one library whose network it is grafted onto.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from textwrap import indent, wrap
from typing import Any

from torch import Tensor, nn

from search.expression import Classes, Expressions
from search.layout import STEP, WIDTH, import_block, laid_out, prefixed
from search.library import library_of, unloaded
from search.reached import Reached
from search.sources import Import, Source
from search.weights import load_tensors
from search.written import Part, constructor, planned_parts
from spaces.calls import keywords_of

LICENCE = (
    "Licence: MIT (https://opensource.org/license/mit), copyright (c) 2026 the attention-search "
    "authors"
)


@dataclass(frozen=True)
class Original:
    """A network to export: its state if it is trained, and `about`, what the file says of it."""

    network: partial[Any]
    shape: tuple[int, int, int]
    classes: int
    state: Mapping[str, Tensor] | None = None
    about: Mapping[str, object] = field(default_factory=dict)

    @property
    def takes_classes(self) -> bool:
        """Tell whether the number of classes can be chosen."""
        keywords = keywords_of(self.network.func) or self.network.keywords
        return "num_classes" in keywords

    @property
    def library(self) -> str:
        """The library whose network is grafted; empty where torch is all that is needed."""
        return library_of(self.network)

    def call(self, classes: int) -> partial[Any]:
        """Return the call for a number of classes.

        Published weights are where a training starts: the state has them, a plan needs none.
        """
        named = dict(self.network.keywords)
        if hasattr(self.network.func, "plan"):
            named.pop("weights", None)
        if self.library:
            named["network"] = unloaded(named["network"])
        if self.takes_classes:
            named["num_classes"] = classes
        return partial(self.network.func, *self.network.args, **named)


def standalone(original: Original, name: str, kind: type[nn.Module]) -> str:
    """Return the file `name`.py: definitions as they are written elsewhere, then `build`.

    `kind` is the class of the network once it is built.
    """
    reached, write = Reached(), Expressions(original.library)
    reached.define("build")
    reached.name(load_tensors.__module__, load_tensors.__name__)
    write.imports.add(Import("torch", "nn", "nn"))
    call = original.call(Classes(original.classes))
    plan = getattr(call.func, "plan", None)
    if plan and kind.forward is nn.Sequential.forward:
        parts = planned_parts(plan(*call.args, **call.keywords), write)
        lines = constructor(parts, 2 * STEP)
        taken = "num_classes" if re.search(r"\bnum_classes\b(?!=)", "\n".join(lines)) else ""
        code = [network_class(parts, lines, taken, kind, reached)]
        made = [f"    network = {kind.__name__}({taken})"]
        code.append(builder(original, kind.__name__, made))
    else:
        network = write.call(call.func, call.args, call.keywords, "")
        made = laid_out(prefixed("network: nn.Module = ", network), STEP)
        code = [builder(original, "nn.Module", made)]
    for held in sorted(write.imports):
        reached.add_import(held)
    for module, definition in sorted(write.definitions):
        reached.name(module, definition)
    head = [
        docstring(original, name, kind, reached.sources),
        "from __future__ import annotations",
        import_block(reached.imports.values()),
    ]
    return "\n\n".join([*head, "\n\n\n".join([*reached.sections(), *code])]) + "\n"


def network_class(
    parts: Sequence[Part], lines: Sequence[str], taken: str, kind: type[nn.Module], reached: Reached
) -> str:
    """Return the class of a planned network, with the methods that all such networks have."""
    reached.define(kind.__name__)
    names = dict.fromkeys(part.name.partition(".")[0] for part in parts)
    text = [
        f"class {kind.__name__}(nn.Sequential):",
        f'    """The network: {", ".join(names)}."""',
        "",
        f"    def __init__(self{f', {taken}: int' if taken else ''}) -> None:",
        "        super().__init__()",
        *lines,
    ]
    for method in Source(sys.modules[kind.__module__]).methods(kind.__name__):
        reached.names(kind.__module__, method.names[1])
        text += ["", indent(method.text, " " * STEP)]
    return "\n".join(text)


def builder(original: Original, kind: str, made: Sequence[str]) -> str:
    """Return the function that builds the network."""
    classes = f"num_classes: int = {original.classes}, " if original.takes_classes else ""
    text = [
        f"def build({classes}weights: str | None = None) -> {kind}:",
        '    """Build the network, as training starts or with the weights of a file."""',
        *made,
        "    if weights is not None:",
        f"        network.load_state_dict({load_tensors.__name__}(weights))",
        "    return network",
    ]
    return "\n".join(text)


def docstring(
    original: Original, name: str, kind: type[nn.Module], sources: Iterable[Source]
) -> str:
    """Return what the file says about itself: the network, how to load it, the facts."""
    call = original.call(original.classes)
    network = Expressions().call(call.func, call.args, call.keywords, "")
    weights = f'weights="{name}.safetensors"' if original.state is not None else ""
    size = ", ".join(map(str, original.shape))
    needed = f"torch and {original.library}" if original.library else "nothing but torch"
    lines = [
        f"{name}: one network, in one file that needs {needed}.",
        "",
        *laid_out(network, STEP),
        "",
        "How to use it:",
        "",
        f"    import {name}",
        "",
        f"    network = {name}.build({weights}).eval()",
        f"    output = network(images)  # images are (n, {size})",
    ]
    if hasattr(kind, "stages"):
        lines.append("    maps = network.stages(images)  # one per stage, the finest first")
    lines.append("")
    for heading, fact in original.about.items():
        lines += facts(heading, fact)
    if original.about:
        lines.append("")
    theirs = [source.path.name for source in sources if not source.is_ours]
    rest = f"; what is from {', '.join(theirs)} is its author's" if theirs else ""
    lines += wrap(f"{LICENCE}{rest}.", WIDTH)
    text = "\n".join(lines).replace("\\", r"\\").replace('"""', r"\"\"\"")
    return f'"""{text}\n"""'


def facts(heading: str, fact: object) -> list[str]:
    """Return the lines of one fact, or of a group of them."""
    if isinstance(fact, Mapping):
        lines = [f"    {name} = {shown(value)}" for name, value in fact.items()]
        return [f"{heading}:", *lines]
    return wrap(f"{heading}: {shown(fact)}", WIDTH)


def shown(value: object) -> str:
    """Write a fact for a person."""
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = str(value)
        return text if text.isprintable() else repr(text)
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
