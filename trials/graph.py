"""A training step as one CUDA graph: one launch in place of hundreds."""

import torch
from torch import Tensor

from trials.step import Step

WARM = 3


class Graphed:
    """Record a step when it is warm, replay it on every further batch; all have one shape.

    The first steps run as they are, on a stream of their own as capturing asks for; they set up
    what is set up once, and train. A step that cannot be recorded goes on as it is, and `reason`
    says why.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        self.reason = "no CUDA graph: fp16 scales its loss" if step.scaler.is_enabled() else ""
        self.seen = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.images = self.targets = self.loss = torch.empty(0)

    def __call__(self, images: Tensor, targets: Tensor) -> Tensor:
        """Return what the step returns."""
        if self.reason:
            return self.step(images, targets)
        if self.seen < WARM:
            return self._warm(images, targets)
        if self.graph is None:
            self._record(images, targets)
        if self.graph is None:
            return self.step(images, targets)
        self.images.copy_(images)
        self.targets.copy_(targets)
        self.graph.replay()
        return self.loss.clone()

    def _warm(self, images: Tensor, targets: Tensor) -> Tensor:
        self.seen += 1
        beside, here = torch.cuda.Stream(), torch.cuda.current_stream()
        beside.wait_stream(here)
        with torch.cuda.stream(beside):
            loss = self.step(images, targets)
        here.wait_stream(beside)
        return loss

    def _record(self, images: Tensor, targets: Tensor) -> None:
        self.images, self.targets = images.clone(), targets.clone()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self.loss = self.step(self.images, self.targets)
        except RuntimeError as error:
            self.reason = f"no CUDA graph: {str(error).partition(chr(10))[0]}"
        else:
            self.graph = graph
