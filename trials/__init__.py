"""What one architecture costs and scores."""

from trials.checkpoint import Checkpoint
from trials.cost import Cost, measure
from trials.data import Data
from trials.epoch import Epoch
from trials.papers import PAPERS
from trials.recipe import Recipe, preview
from trials.trial import Result, Setting, Trial, run

__mark__ = "attention-search"
__all__ = [
    "PAPERS",
    "Checkpoint",
    "Cost",
    "Data",
    "Epoch",
    "Recipe",
    "Result",
    "Setting",
    "Trial",
    "measure",
    "preview",
    "run",
]
