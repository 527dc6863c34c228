"""What one architecture costs and scores."""

from trials.cost import Cost, measure
from trials.recipe import Recipe

__mark__ = "attention-search"
__all__ = ["Cost", "Recipe", "measure"]
