"""What one architecture costs and scores."""

from trials.recipe import Recipe

__mark__ = "attention-search"
__all__ = ["Recipe"]
