"""The table of the zoo, as the documentation has it."""

from pathlib import Path

import modules
from search.zoo import markdown, placed

PAGE = Path(__file__).parent.parent.parent / "docs" / "zoo.md"


def test_the_documentation_s_table_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")

    printed = "\n".join(markdown()) + "\n"

    assert page == printed, "write it again: search zoo --markdown > docs/zoo.md"


def test_every_module_is_in_the_table_with_a_paper_to_read() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]

    names = [row.split("`")[1] for row in rows]

    assert names == [name for name, _ in placed()]
    assert len(names) >= 80
    assert set(names) <= set(modules.__all__)
    assert all("](http" in row for row in rows)


def test_its_figures_are_the_modules_own() -> None:
    rows = {line.split("`")[1]: line.split(" | ") for line in markdown() if line[:3] == "| `"}

    # 2 * 256 * 16 weights, 16 + 256 biases; the products with those weights
    assert rows["SE"][3:5] == ["8,464", "8,192"]
    assert rows["ECA"][3:5] == ["5", "1,280"]
    assert rows["AFF"][2] == "fuse"
