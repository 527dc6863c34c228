"""What has to stand on everything that is shown of an experiment."""

from __future__ import annotations

import re

from search.experiment import Experiment, resolved

PREVIEW = "PREVIEW"
ON_TEST = "selected on the test set"
RECODED = "JPEG re-encoding"


def stamps(experiment: Experiment) -> tuple[str, ...]:
    """Return the words; the data's own name says where its images were encoded again."""
    recipe = resolved(experiment.recipe_value)
    if recipe is None:
        return ()
    is_recoded = isinstance(recipe.data, str) and re.search("jpe?g", recipe.data, re.I)
    words = {
        PREVIEW: experiment.is_preview,
        ON_TEST: recipe.select_on_test,
        RECODED: is_recoded,
    }
    return tuple(word for word, holds in words.items() if holds)
