"""What a run says before it begins, of networks that behave and of some that do not."""

from pathlib import Path

import pytest

from search.forecast import forecast, words
from search.place import Place, placed

SPACE = """\
import os
import sys
from torch import nn
from spaces import Space, choice
from trials import Recipe

{beside}

class Gate(nn.Module):
    def forward(self, x):
        if x.shape[1] == {width} and self.training and x.device.type != "meta":
            {act}
        return x


def tiny(width=8, num_classes=10):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1),
        Gate(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, num_classes),
    )


space = Space(tiny, width=choice(4, 64))
baselines = {{"plain": Space(tiny)}}
recipes = {{"quick": Recipe(data="digits", epochs=2, augment=())}}
"""


def place(folder: Path, act: str = "pass", beside: str = "") -> Place:
    file = folder / "mine.py"
    file.write_text(SPACE.format(width=64, act=act, beside=beside))
    return placed(str(file), out=folder / "run")


def test_the_dearest_network_is_forecast_to_take_longest_whatever_its_file_prints(
    tmp_path: Path,
) -> None:
    told = forecast(place(tmp_path, beside="print('hello', file=sys.__stdout__)"), "cpu")

    assert told
    assert 0 < told.mean < told.longest


@pytest.mark.parametrize("act", ["os.kill(os.getpid(), 11)", "os._exit(0)", "raise ValueError(1)"])
def test_a_network_that_ends_its_process_ends_no_other(tmp_path: Path, act: str) -> None:
    told = forecast(place(tmp_path, act), "cpu")

    assert told is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (119, "119 s"), (120, "2 min"), (90_000, "25 h")]
)
def test_durations_are_written_as_a_person_says_them(seconds: float, text: str) -> None:
    assert words(seconds) == text
