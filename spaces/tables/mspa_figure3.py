"""The points of MSPANet's figure over the number of scales and the base width."""

from functools import partial

from modules import MSPA, resnet50
from spaces import Space
from spaces.table import Row, Table

FIGURE_3 = Table(
    "Yu et al. 2024, figure 3: accuracies read off the plot, to 0.01",
    data="cifar100",
    convention="ptflops 0.6",
    rows=tuple(
        Row(
            f"MSPANet-50 {omega}ω×{scales}s",
            Space(resnet50, mix=partial(MSPA, scales=scales, omega=omega)),
            accuracy=accuracy,
        )
        for scales, omega, accuracy in (
            (2, 30, "80.83"),
            (3, 30, "81.74"),
            (4, 30, "81.34"),
            (5, 30, "80.98"),
            (3, 28, "81.47"),
            (3, 32, "81.86"),
            (3, 34, "81.95"),
            (3, 36, "81.99"),
        )
    ),
)
