"""The command line: what a user types, and the one place where their mistakes are printed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from search.commands import (
    ablate,
    check,
    confirm,
    dashboard,
    data,
    eval,
    explain,
    export,
    report,
    run,
    show,
    status,
    zoo,
)
from search.ours import foreign_packages

DESCRIPTION = "Find out which attention module belongs where in a CNN, and at what price."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    parsed = parser().parse_args(arguments)
    if problem := foreign_packages():
        return refused(problem)
    from spaces import SpaceError

    command: Callable[[argparse.Namespace], int | None] = parsed.run
    try:
        return command(parsed) or 0
    except SpaceError as error:
        return refused(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1


def refused(text: str) -> int:
    """Print what the user can mend, in one line."""
    print(f"search: {text}", file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    """Describe every command and its options."""
    top = argparse.ArgumentParser("search", description=DESCRIPTION, allow_abbrev=False)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for verb in (
        show,
        run,
        confirm,
        ablate,
        explain,
        report,
        export,
        dashboard,
        status,
        eval,
        data,
        zoo,
        check,
    ):
        verb.add(commands)
    return top


if __name__ == "__main__":
    sys.exit(main())
