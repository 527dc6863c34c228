from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from tests.trials.tiny import data, plain, recipe
from trials.graph import WARM, Graphed
from trials.optimise import optimiser
from trials.step import Step
from trials.trial import Setting, run

pytestmark = pytest.mark.gpu


def stepped(steps: int, graphed: bool) -> tuple[list[float], nn.Module]:
    torch.manual_seed(0)
    device, network = torch.device("cuda"), plain().cuda()
    step = Step(network, optimiser(network, recipe(), device), recipe(), torch.float32, 4)
    how = Graphed(step) if graphed else step
    batches = torch.randn(steps, 16, 3, 8, 8, device=device)
    targets = torch.arange(16, device=device) % 4
    return [float(how(images, targets)) for images in batches], network


def test_a_replayed_step_learns_what_the_step_itself_does():
    losses, network = stepped(WARM + 9, graphed=False)

    replayed, other = stepped(WARM + 9, graphed=True)

    assert replayed == pytest.approx(losses, rel=1e-4)
    torch.testing.assert_close(other[9].weight, network[9].weight, rtol=1e-3, atol=1e-5)


class Asking(nn.Module):
    """Look at a value, which no graph can record."""

    def forward(self, x: Tensor) -> Tensor:
        return x if float(x.sum()) > 0 else x + 0


def asking() -> nn.Module:
    return plain(extra=Asking())


def test_a_step_that_no_graph_can_record_goes_on_without_and_says_why():
    result = run(asking, recipe(), 0, data(128), Setting("cuda"))

    assert result.status == "complete"
    assert result.flags[0].startswith("no CUDA graph: ")


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_graphed_trial_follows_its_schedule_and_averages(optimizer):
    how = recipe(optimizer=optimizer, lr=0.01, ema=0.9, epochs=6, warmup=1)

    there = run(plain, how, 0, data(128), Setting("cuda"))
    here = run(plain, replace(how), 0, data(128), Setting("cpu"))

    assert there.flags == ()
    assert there.curve[-1].loss == pytest.approx(here.curve[-1].loss, rel=0.02)
