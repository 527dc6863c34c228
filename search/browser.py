"""Figures as images by a browser without a window: the only file that knows kaleido."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

DOTS = 4
"""Pixels of a PNG for each of the figure's: 384 an inch."""


def images(jobs: Sequence[tuple[dict[str, Any], str]]) -> list[bytes]:
    """Draw figures, each in a format, with one browser; whatever that lacks is raised."""
    return asyncio.run(drawn(jobs))


async def drawn(jobs: Sequence[tuple[dict[str, Any], str]]) -> list[bytes]:
    """Draw one figure after another."""
    import kaleido

    for name in ("kaleido", "choreographer"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # MathJax would come over the network, and turn dollars in a name into formulas
    async with kaleido.Kaleido(mathjax=False) as browser:
        return [
            await browser.calc_fig(
                figure,
                opts={
                    "format": format_,
                    "width": figure["layout"]["width"],
                    "height": figure["layout"]["height"],
                    "scale": DOTS if format_ == "png" else 1,
                },
            )
            for figure, format_ in jobs
        ]
