import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils._python_dispatch import TorchDispatchMode

from modules.attention.se import SE
from modules.backbones.parts import Head, Held, Stem
from modules.backbones.resnet import basic, resnet20
from tests.trials.tiny import Trap, data, plain, recipe, split
from trials.batches import Batches
from trials.epoch import Epoch
from trials.evaluate import evaluate
from trials.faults import TrialError
from trials.recipe import Recipe
from trials.step import Step, compile_blocks, penalties
from trials.train import train

CPU = torch.device("cpu")


def network(seed: int = 0, **changes: object) -> nn.Module:
    torch.manual_seed(seed)
    return plain(**changes)


def curve(ours: nn.Module, how: Recipe, seed: int = 0) -> list[Epoch]:
    return [replace(epoch, seconds=0.0) for epoch in train(ours, data(), how, seed, CPU)]


def reference(theirs: nn.Module, how: Recipe, dtype: torch.dtype) -> list[float]:
    """Train as everyone does: one image layout, one optimiser, torch's own schedule."""
    images = data()
    batches = Batches(images.train, how.batch, how.augment, images.mean, images.std, CPU, dtype)
    optimizer = torch.optim.SGD(
        theirs.parameters(), how.lr, 0.9, weight_decay=how.weight_decay, nesterov=True
    )
    scheduler = CosineAnnealingLR(optimizer, how.epochs * len(batches))
    generator = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(how.epochs):
        total = 0.0
        theirs.train()
        for x, y in batches.epoch(generator):
            optimizer.zero_grad()
            loss = F.cross_entropy(theirs(x.contiguous()), y, label_smoothing=how.label_smoothing)
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item()
        losses.append(total / len(batches))
    return losses


def test_the_same_seed_gives_the_same_curve_to_the_last_bit():
    how = recipe(ema=0.9, augment=("crop", "flip", "cutmix"))

    first = curve(network(extra=nn.Dropout(0.3)), how)

    assert curve(network(extra=nn.Dropout(0.3)), how) == first
    assert curve(network(extra=nn.Dropout(0.3)), how, seed=1) != first


def test_what_is_learnt_is_what_a_plain_loop_learns():
    how = recipe(precision="fp64", label_smoothing=0.1, weight_decay=1e-2)
    ours, theirs = network(), network().double()

    losses = [epoch.loss for epoch in curve(ours, how)]

    assert losses == pytest.approx(reference(theirs, how, torch.float64), rel=1e-10)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)


def test_speed_does_not_change_what_is_learnt_in_fp32():
    how = recipe(lr=0.01, epochs=4)
    torch.manual_seed(0)
    ours = resnet20(gate=SE, stem="cifar", num_classes=4)
    theirs = resnet20(gate=SE, stem="cifar", num_classes=4)
    theirs.load_state_dict(ours.state_dict())

    losses = [epoch.loss for epoch in curve(ours, how)]

    assert losses == pytest.approx(reference(theirs, how, torch.float32), rel=2e-3)


def test_half_precision_learns_about_the_same():
    how = recipe(epochs=6)

    full = curve(network(), how)
    half = curve(network(), replace(how, precision="bf16"))

    assert half[-1].loss == pytest.approx(full[-1].loss, abs=0.05)
    assert half[-1].loss != full[-1].loss


def test_parts_of_a_batch_add_up_to_it_without_norms():
    def bare() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 4))

    how = recipe(precision="fp64")

    whole = [epoch.loss for epoch in curve(bare(), how)]
    parts = [epoch.loss for epoch in curve(bare(), replace(how, accumulate=3))]

    assert parts == pytest.approx(whole, rel=1e-12)


class Priced(nn.Module):
    """Ask for small outputs with a term of the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(8, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        self.kept = x * self.weight
        return self.kept

    def penalty(self) -> Tensor:
        return 0.3 * self.kept.square().mean()


def test_a_penalty_is_added_to_the_loss_and_to_its_gradient():
    ours = network(extra=Priced()).double()
    optimizer = torch.optim.SGD(ours.parameters(), 0.0)
    images, targets = torch.randn(16, 3, 8, 8, dtype=torch.float64), torch.arange(16) % 4

    loss = Step(ours, optimizer, recipe(), torch.float64, 4)(images, targets)

    gradient = ours[3].weight.grad.clone()
    optimizer.zero_grad()
    expected = F.cross_entropy(ours(images), targets) + 0.3 * ours[3].kept.square().mean()
    expected.backward()
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(gradient, ours[3].weight.grad, rtol=1e-10, atol=1e-12)


def test_a_penalty_is_taken_in_fp32_where_the_network_runs_in_half():
    ours = network(extra=Priced())
    step = Step(ours, torch.optim.SGD(ours.parameters(), 0.1), recipe(), torch.bfloat16, 4)

    loss = step.loss(torch.randn(16, 3, 8, 8), torch.arange(16) % 4)

    assert len(penalties(ours)) == 1
    assert loss.dtype == torch.float32


def test_averaged_weights_are_scored_and_kept():
    how = recipe(ema=0.9)
    ours, images = network(), data()

    last = list(train(ours, images, how, 0, CPU))[-1]

    judged = Batches(images.validation, 5, (), images.mean, images.std, CPU, torch.float32)
    assert last.score == evaluate(ours, judged, 4, torch.float32).accuracy
    plain_weights = network()
    list(train(plain_weights, images, replace(how, ema=0.0), 0, CPU))
    assert not torch.equal(ours[9].weight, plain_weights[9].weight)


def test_every_image_counts_once_in_a_score_whatever_the_batch():
    ours, images = network().eval(), split(23, 5)
    with torch.no_grad():
        pixels = (images.images / 255 - 0.5) / 0.25
        right = (ours(pixels).argmax(1) == images.labels).double()

    for batch in (1, 5, 23, 100):
        judged = Batches(images, batch, (), (0.5,) * 3, (0.25,) * 3, CPU, torch.float32)
        scores = evaluate(ours, judged, 4, torch.float32)

        assert scores.accuracy == pytest.approx(float(right.mean()), rel=1e-12)
        by_class = [float(right[images.labels == label].mean()) for label in range(4)]
        assert scores.classes == pytest.approx(by_class)


def test_five_guesses_are_counted():
    torch.manual_seed(0)
    ours, images = plain(classes=9).eval(), split(40, 5, classes=9)
    judged = Batches(images, 16, (), (0.5,) * 3, (0.25,) * 3, CPU, torch.float32)
    with torch.no_grad():
        logits = ours((images.images / 255 - 0.5) / 0.25)
    ranks = (logits > logits.gather(1, images.labels[:, None])).sum(1)

    scores = evaluate(ours, judged, 9, torch.float32)

    assert scores.top5 == pytest.approx(float((ranks < 5).float().mean()))
    assert scores.accuracy < scores.top5 < 1


def test_classes_are_told_on_request_and_the_test_set_is_used_only_where_said():
    images = replace(data(), test=split(7, 9))

    quiet = next(train(network(), images, recipe(), 0, CPU))
    told = next(train(network(), images, recipe(per_class=True, select_on_test=True), 0, CPU))

    assert quiet.classes is None
    assert len(told.classes) == 4
    assert quiet.score * 22 == pytest.approx(round(quiet.score * 22))
    assert told.score * 7 == pytest.approx(round(told.score * 7))


@pytest.mark.parametrize("step", [2, 7])
def test_a_loss_that_is_no_number_ends_the_training_and_names_the_step(step):
    ours = network(extra=Trap(step, "nan"))

    with pytest.raises(TrialError) as ended:
        list(train(ours, data(), recipe(), 0, CPU))

    epoch, place = (step - 1) // 4 + 1, (step - 1) % 4 + 1
    assert ended.value.status == "diverged"
    assert ended.value.reason == f"the loss is nan at step {place} of epoch {epoch}"


def test_a_loss_that_grows_without_bound_ends_the_training():
    with pytest.raises(TrialError, match=r"the loss is (inf|nan) at step"):
        list(train(network(), data(), recipe(lr=1e38), 0, CPU))


def test_a_network_of_another_number_of_classes_is_refused():
    with pytest.raises(ValueError, match=r"returns \(16, 10\) for 16 images of 4 classes"):
        list(train(network(classes=10), data(), recipe(), 0, CPU))


def test_a_training_without_images_to_score_on_is_refused():
    images = replace(data(), validation=split(0, 2))

    with pytest.raises(ValueError, match="validation = 0 leaves no images to score on"):
        list(train(network(), images, recipe(), 0, CPU))


def test_the_time_limit_holds_within_an_epoch():
    with pytest.raises(TrialError) as ended:
        list(train(network(), data(), recipe(), 0, CPU, deadline=-math.inf))

    assert ended.value.status == "timed out"
    assert ended.value.reason == "the time was up at step 1 of epoch 1"


class Waits(TorchDispatchMode):
    """Count what would make a host wait for its device."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, call, types, args=(), kwargs=None):
        self.count += call in (
            torch.ops.aten._local_scalar_dense.default,
            torch.ops.aten.nonzero.default,
            torch.ops.aten.is_nonzero.default,
        )
        return call(*args, **(kwargs or {}))


def test_an_epoch_of_more_steps_waits_for_the_device_no_more_often():
    how = recipe(epochs=1, augment=("crop", "flip", "cutout"), ema=0.9)
    waits = []
    for count in (32, 128):
        with Waits() as mode:
            list(train(network(), data(count), how, 0, CPU))
        waits.append(mode.count)

    assert waits[0] == waits[1] < 20


def compiled(module: nn.Module) -> list[str]:
    return [name for name, part in module.named_modules() if part._compiled_call_impl is not None]


def test_blocks_are_compiled_one_by_one():
    ours = resnet20(depths=(1, 2, 1), gate=SE, stem="cifar", num_classes=4)

    compile_blocks(ours)

    assert compiled(ours) == ["stage1.0", "stage2.0", "stage2.1", "stage3.0"]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # torch's compiler warns of what it does itself
def test_compiled_blocks_learn_the_same():
    def build() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(Stem("cifar", 4), basic(4, 4, 1, Held(gate=SE)), Head(4, 4))

    how = recipe(lr=0.01)

    plain_losses = [epoch.loss for epoch in curve(build(), how)]
    losses = [epoch.loss for epoch in curve(build(), replace(how, compile=True))]

    assert losses == pytest.approx(plain_losses, rel=2e-3)
