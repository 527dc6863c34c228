"""Text that nobody vouches for, as Markdown, LaTeX and spreadsheets show it and nothing more."""

from __future__ import annotations

import re

LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "×": r"$\times$",
    "±": r"$\pm$",
    "ω": r"$\omega$",
    "λ": r"$\lambda$",
    "α": r"$\alpha$",
    "·": r"$\cdot$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def in_line(text: str, most: int = 200) -> str:
    """Return a text in one line, cut where nobody reads on."""
    line = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text[: most + 1])
    return line if len(line) <= most else line[: most - 1] + "…"


def in_markdown(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>|#~&!])", r"\\\1", in_line(text))


def in_latex(text: str) -> str:
    """Return a text that LaTeX shows as it is; a letter its usual fonts lack is a question mark."""
    signs = (LATEX.get(sign, sign) for sign in in_line(text))
    return "".join(sign if sign.isascii() or "À" <= sign <= "ÿ" else "?" for sign in signs)


def harmless(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    if isinstance(cell, str) and cell.startswith(("=", "+", "@", "\t", "\r")):
        return f"'{cell}"
    return cell
