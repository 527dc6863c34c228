"""The search-space language, and spaces ready to run."""

from spaces.dsl import Architecture, Space, choice, fit
from spaces.labels import SpaceError

__mark__ = "attention-search"
__all__ = ["Architecture", "Space", "SpaceError", "choice", "fit"]
