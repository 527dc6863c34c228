"""Maps and gates as a page that needs nothing else, and the maps as one picture."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from html import escape

import torch
from torch import Tensor
from torch.nn import functional as F

from search.explain import Explained, Seen
from search.gates import Opening

SIDE = 160
"""How large an image is drawn, in pixels."""
GAP = 8
HEAT = ((13, 8, 60), (96, 24, 130), (186, 54, 85), (244, 136, 40), (252, 240, 150))
"""Colours from where nothing is seen to where most is."""
COVER = 0.6
"""How much of an image the heat covers."""
STYLE = """
:root { color-scheme: light; }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1.5rem; color: #1b2733; background: #fff;
  font: 15px/1.5 Inter, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
p { color: #5b6b7b; margin: .2rem 0 1rem; max-width: 60rem; }
table { border-collapse: collapse; }
th { text-align: left; font-weight: 600; padding: .25rem .8rem .25rem 0; }
td { padding: .25rem .8rem .25rem 0; vertical-align: top; }
.number { text-align: right; }
.maps { overflow-x: auto; } .maps td { padding: .2rem .4rem .5rem 0; }
.maps th { width: 9rem; overflow-wrap: anywhere; font-size: .8rem; vertical-align: top; }
.gates { width: 100%; } .gates td, .gates th { border-bottom: 1px solid #e9edf1; }
.gates tr.first td { border-top: 2px solid #b9c3cd; }
img { display: block; width: 112px; height: 112px; border-radius: 6px; image-rendering: pixelated; }
figure { margin: 0; } figcaption { font-size: .85rem; color: #5b6b7b; margin-top: .2rem; }
.right { color: #2b7a4b; } .wrong { color: #b3361b; }
"""


def page(held: Explained) -> str:
    """Return the document."""
    first = held.seen[0]
    title = escape(short(held.title, 200))
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        # whatever a name holds, nothing of it may run or reach out
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; img-src data:\">",
        f"<title>{title}: where trial {first.number} looks</title>",
        f"<style>{STYLE}</style></head><body>",
        f"<h1>Where trial {first.number} looks</h1>",
        f"<p>{title} · {escape(short(first.title))}<br>{escape(held.provenance)}</p>",
        "<h2>Grad-CAM++</h2>",
        "<p>What speaks for the image's own class, from dark (nothing) to light (most). The same "
        "validation images for each network; below, its guess and how sure it is.</p>",
        *maps(held),
        *gates(held),
        "</body></html>",
    ]
    return "\n".join(parts)


def maps(held: Explained) -> Iterator[str]:
    """Yield the table of images and maps, a row for each network."""
    yield '<div class="maps"><table>'
    pairs = list(zip(held.images, held.labels, strict=True))
    cells = [figure(drawn(image), held.classes[label]) for image, label in pairs]
    yield row("Image", cells)
    for one in held.seen:
        cells = []
        for (image, label), seen, guess, chance in zip(
            pairs, one.maps, one.guesses, one.chances, strict=True
        ):
            kind = "right" if guess == label else "wrong"
            words = f"{held.classes[guess]}, {chance:.0%}"
            cells.append(figure(heated(image, seen), words, kind))
        yield row(one.title, cells)
    yield "</table></div>"


def row(title: str, cells: list[str]) -> str:
    """Return a row of the table."""
    held = "".join(f"<td>{cell}</td>" for cell in cells)
    return f"<tr><th>{escape(short(title))}</th>{held}</tr>"


def figure(pixels: Tensor, caption: str, kind: str = "") -> str:
    """Return a picture with words below it."""
    data = base64.b64encode(png(pixels)).decode()
    words = f'<figcaption class="{kind}">{escape(short(caption))}</figcaption>'
    return f'<figure><img alt="" src="data:image/png;base64,{data}">{words}</figure>'


def gates(held: Explained) -> Iterator[str]:
    """Yield how far the gates of each network open, stage by stage."""
    yield "<h2>Gates</h2>"
    gated = [one for one in held.seen if one.gates]
    if not gated:
        yield "<p>None of these networks has a gate.</p>"
        return
    yield (
        "<p>What comes out of a gate over what goes in: 1 lets everything through, 0 nothing. The "
        "bar is the middle half with the median, the line nine tenths of all values.</p>"
    )
    top = max(1.0, *(opening.quantiles[-1] for one in gated for opening in one.gates.values()))
    heads = "".join(f'<th class="number">{head}</th>' for head in ("mean", "std", "median"))
    yield f'<table class="gates"><tr><th>Network</th><th>Stage</th>{heads}'
    yield f"<th>0 … {top:.2g}</th></tr>"
    for one in gated:
        for place, (stage, opening) in enumerate(one.gates.items()):
            yield gate_row(one if place == 0 else None, stage, opening, top)
    yield "</table>"


def gate_row(one: Seen | None, stage: str, opening: Opening, top: float) -> str:
    """Return a stage's line; the network is named in its first."""
    figures = (opening.mean, opening.std, opening.quantiles[2])
    numbers = "".join(f'<td class="number">{figure:.3f}</td>' for figure in figures)
    name = escape(short(one.title)) if one else ""
    kind = ' class="first"' if one else ""
    bar = box(opening.quantiles, top)
    return f"<tr{kind}><td>{name}</td><td>{escape(short(stage))}</td>{numbers}<td>{bar}</td></tr>"


def box(quantiles: tuple[float, ...], top: float) -> str:
    """Return a box plot that lies on its side, from 0 to the top."""
    low, left, middle, right, high = (260 * min(max(one / top, 0.0), 1.0) for one in quantiles)
    return (
        '<svg width="262" height="18" viewBox="-1 0 262 18">'
        '<line x1="0" x2="260" y1="9" y2="9" stroke="#e9edf1"/>'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="9" y2="9" stroke="#1f5fa8"/>'
        f'<rect x="{left:.1f}" y="3" width="{max(right - left, 1):.1f}" height="12" rx="2" '
        'fill="#8db3d9"/>'
        f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="3" y2="15" stroke="#1b2733" '
        'stroke-width="2"/></svg>'
    )


def sheet(held: Explained) -> bytes:
    """Return images and maps as one picture: a column each, a row for each network."""
    rows = [torch.cat([framed(drawn(image)) for image in held.images], 1)]
    for one in held.seen:
        cells = [framed(heated(*pair)) for pair in zip(held.images, one.maps, strict=True)]
        rows.append(torch.cat(cells, 1))
    return png(torch.cat(rows, 0))


def drawn(image: Tensor) -> Tensor:
    """Return an image (3, h, w) at the size it is drawn, (h, w, 3)."""
    times = max(1, SIDE // image.shape[2])
    return image.repeat_interleave(times, 1).repeat_interleave(times, 2).permute(1, 2, 0)


def heated(image: Tensor, seen: Tensor) -> Tensor:
    """Return an image below its map (h, w)."""
    pixels = drawn(image).float()
    large = F.interpolate(seen[None, None], list(pixels.shape[:2]), mode="bilinear")[0, 0]
    colours = torch.tensor(HEAT, dtype=torch.float32)
    place = large.clamp(0, 1) * (len(HEAT) - 1)
    below = place.long().clamp(max=len(HEAT) - 2)
    share = (place - below)[..., None]
    heat = colours[below] * (1 - share) + colours[below + 1] * share
    grey = pixels.mean(2, keepdim=True)
    return ((1 - COVER) * grey + COVER * heat).round().to(torch.uint8)


def framed(pixels: Tensor) -> Tensor:
    """Leave white between pictures."""
    return F.pad(pixels, (0, 0, 0, GAP, 0, GAP), value=255)


def png(pixels: Tensor) -> bytes:
    """Write pixels (h, w, 3) as a PNG, by the standard library alone."""
    height, width, _ = pixels.shape
    lines = F.pad(pixels.reshape(height, -1), (1, 0)).contiguous().numpy().tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def short(text: str, most: int = 80) -> str:
    """Return as much of a name as there is room for."""
    return text if len(text) <= most else text[: most - 1] + "…"
