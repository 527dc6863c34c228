"""What to try next, where it runs, what came out; and the public names in one place."""

from importlib import import_module

__mark__ = "attention-search"

PUBLIC = {
    "Architecture": "spaces",
    "Space": "spaces",
    "SpaceError": "spaces",
    "choice": "spaces",
    "fit": "spaces",
    "Recipe": "trials",
    "Result": "trials",
    "run": "search.session",
    "measure": "trials",
    "load": "search.experiment",
    "Study": "search.study",
    "export": "search.winners",
}
__all__ = list(PUBLIC)


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: torch takes its time."""
    if name not in PUBLIC:
        raise AttributeError(f"module 'search' has no attribute {name!r}")
    return getattr(import_module(PUBLIC[name]), name)
