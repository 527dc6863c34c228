"""A network as a graph of operators, which needs no Python code of its own: .pt2 and .onnx."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from search.clean import SEED, leaves
from search.proof import ProofError
from spaces import SpaceError

BATCHES = (1, 2, 3)
BATCH = ({0: Dim("batch")},)
IMAGES, OUTPUT = "images", "output"

Run = Callable[[Tensor], list[Tensor]]


@dataclass(frozen=True)
class Format:
    """How a graph is written and run; `allowed` is how far its outputs may be from torch's own.

    That is a share of the largest output: another runtime takes its sums in another order.
    """

    save: Callable[[ExportedProgram, Path], None]
    load: Callable[[Path], Run]
    runtime: str
    needs: tuple[str, ...]
    allowed: float


def check_installed(formats: Collection[str]) -> None:
    """Say what a format needs beside torch."""
    for name in formats:
        if missing := [needed for needed in FORMATS[name].needs if not find_spec(needed)]:
            raise SpaceError(
                f"--format {name} needs {', '.join(missing)}; "
                f"pip install 'attention-search[{name}]' brings it"
            )


def save_graph(
    name: str, network: nn.Module, shape: Sequence[int], path: Path
) -> dict[str, object]:
    """Write a network as it evaluates images, however many, and run it beside the original."""
    held = FORMATS[name]
    network.eval()
    noise = torch.Generator().manual_seed(SEED)
    with torch.no_grad(), warnings.catch_warnings():
        # what an exporter warns of either shows below or does not matter
        warnings.simplefilter("ignore")
        try:
            held.save(traced(network, torch.randn(2, *shape, generator=noise)), path)
            run = held.load(path)
            apart = [
                difference(network, run, torch.randn(batch, *shape, generator=noise))
                for batch in BATCHES
            ]
        except Exception as error:  # exporters raise whatever they stumble over
            first = (str(error).strip().splitlines() or [""])[0]
            raise ProofError(
                f"{path.name}: the network is no graph that {held.runtime} runs: "
                f"{type(error).__name__}: {first}"
            ) from error
    if not max(apart) <= held.allowed:
        raise ProofError(
            f"{path.name} is not the network it was made from; its outputs are apart by "
            f"{max(apart):.2g} of the largest"
        )
    return {
        "with": f"torch {torch.__version__}, {held.runtime} {version(held.runtime)}",
        "batches": list(BATCHES),
        "largest difference": max(apart),
    }


def traced(network: nn.Module, images: Tensor) -> ExportedProgram:
    """Record what a network does with images, without where in whose files it was written."""
    program = torch.export.export(network, (images,), dynamic_shapes=BATCH)
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            for node in module.graph.nodes:
                node.meta.pop("stack_trace", None)
    return program


def difference(network: nn.Module, run: Run, images: Tensor) -> float:
    """Return how far outputs are apart, as a share of the largest."""
    expected, found = tensors(network(images)), run(images)
    if [one.shape for one in expected] != [one.shape for one in found]:
        return float("inf")
    pairs = list(zip(expected, found, strict=True))
    scale = max(float(one.abs().max()) for one, _ in pairs) or 1.0
    return max(float((one - other).abs().max()) for one, other in pairs) / scale


def tensors(outputs: object) -> list[Tensor]:
    """Return the tensors of an output, however they are held."""
    return [leaf for _, leaf in leaves(outputs) if isinstance(leaf, Tensor)]


def save_program(program: ExportedProgram, path: Path) -> None:
    """Write torch's own format."""
    torch.export.save(program, path)


def load_program(path: Path) -> Run:
    """Read torch's own format."""
    module = torch.export.load(path).module()
    return lambda images: tensors(module(images))


def save_onnx(program: ExportedProgram, path: Path) -> None:
    """Write ONNX; its one input is called images, its output, if there is one, output."""
    outputs = program.graph_signature.user_outputs
    names = [OUTPUT] if len(outputs) == 1 else None
    made = torch.onnx.export(
        program,
        dynamo=True,
        verbose=False,
        input_names=[IMAGES],
        output_names=names,
        dynamic_shapes=BATCH,
    )
    assert made
    for node in made.model.graph.all_nodes():
        node.metadata_props.clear()
    made.save(str(path))


def load_onnx(path: Path) -> Run:
    """Read ONNX by the runtime that most devices have."""
    from onnxruntime import InferenceSession

    session = InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(images: Tensor) -> list[Tensor]:
        return [torch.from_numpy(one) for one in session.run(None, {IMAGES: images.numpy()})]

    return run


FORMATS = {
    "pt2": Format(save_program, load_program, "torch", (), 0.0),
    "onnx": Format(
        save_onnx, load_onnx, "onnxruntime", ("onnx", "onnxscript", "onnxruntime"), 1e-4
    ),
}
