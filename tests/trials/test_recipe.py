import pytest

from trials.papers import PAPERS
from trials.recipe import Recipe

REFUSED = [
    ({"data": "cifar11"}, "data = 'cifar11' is not known; did you mean 'cifar10'?"),
    ({"data": "folde:/tmp"}, "data = 'folde:/tmp' is not known; did you mean 'folder'?"),
    ({"optimizer": "adam"}, "optimizer = 'adam' is not known; did you mean 'adamw'?"),
    ({"optimizer": "lion"}, "optimizer = 'lion' is not known; it is one of sgd, adamw"),
    ({"schedule": "cosin"}, "schedule = 'cosin' is not known; did you mean 'cosine'?"),
    ({"precision": "bf61"}, "precision = 'bf61' is not known; did you mean 'bf16'?"),
    ({"augment": ("corp",)}, "augment = 'corp' is not known; did you mean 'crop'?"),
    ({"augment": "crop"}, "augment = 'crop' is one word; write ('crop',)"),
    ({"epochs": 0}, "epochs = 0 is not a whole number from 1 up"),
    ({"epochs": 2.5}, "epochs = 2.5 is not a whole number from 1 up"),
    ({"batch": True}, "batch = True is not a whole number from 1 up"),
    ({"images": 0}, "images = 0 is not a whole number from 1 up"),
    ({"warmup": -1}, "warmup = -1 is not a whole number from 0 up"),
    ({"epochs": 5, "warmup": 5}, "warmup = 5 leaves nothing of epochs = 5"),
    ({"lr": 0.0}, "lr = 0.0 is not above 0"),
    ({"lr": float("nan")}, "lr = nan is not above 0"),
    ({"weight_decay": -1e-4}, "weight_decay = -0.0001 is below 0"),
    ({"label_smoothing": 1.0}, "label_smoothing = 1.0 does not lie in [0, 1)"),
    ({"ema": 1.5}, "ema = 1.5 does not lie in [0, 1)"),
    ({"validation": -0.1}, "validation = -0.1 does not lie in [0, 1)"),
    ({"schedule": "steps"}, "schedule = 'steps' needs milestones, such as"),
    ({"milestones": (3,)}, "milestones = (3,) are for schedule='steps', not 'cosine'"),
    ({"schedule": "steps", "milestones": (9, 3)}, "milestones = (9, 3) do not rise"),
    (
        {"schedule": "steps", "milestones": (3, 30)},
        "milestones = (3, 30) do not all lie within 30 epochs",
    ),
    ({"seeds": ()}, "seeds = () must be different numbers, one at least"),
    ({"seeds": (1, 1)}, "seeds = (1, 1) must be different numbers, one at least"),
    ({"batch": 2, "accumulate": 4}, "accumulate = 4 splits batch = 2 too far"),
    ({"momentum": 0.0}, "nesterov needs a momentum; momentum = 0 goes with nesterov=False"),
    ({"train": 3}, "train = 3 is not a function that yields epochs"),
]


@pytest.mark.parametrize(("fields", "words"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_field_that_cannot_be_trained_is_refused_in_words(fields, words):
    with pytest.raises(ValueError) as refused:
        Recipe(**fields)

    assert str(refused.value).startswith(words)


def test_data_may_be_a_function_of_the_users_own():
    recipe = Recipe(data=dict)

    assert recipe.data is dict


def test_the_augmentations_a_recipe_takes_are_those_there_are():
    from trials.augment import DRAWS
    from trials.recipe import AUGMENTATIONS

    # the two ways to mix draw alike
    assert set(AUGMENTATIONS) == DRAWS.keys() - {"mix"} | {"mixup", "cutmix"}


def test_the_papers_recipes_hold_the_papers_constants():
    found = {
        name: (paper.data, paper.epochs, paper.batch, paper.lr, paper.weight_decay)
        for name, paper in PAPERS.items()
    }

    assert found == {
        "kuangliu": ("cifar10", 200, 128, 0.1, 5e-4),
        "ma": ("cifar10", 200, 120, 0.1, 5e-4),
        "mspa": ("cifar100", 200, 128, 0.1, 5e-4),
        "mspa_imagenet": ("imagenet", 100, 256, 0.1, 1e-4),
        "scsa": ("imagenet", 100, 128, 0.05, 1e-4),
        "scsa_mobilenet": ("imagenet", 400, 96, 0.045, 4e-5),
        "spem": ("cifar10", 164, 128, 0.1, 1e-4),
    }
    assert PAPERS["spem"].milestones == (81, 122)
    assert PAPERS["mspa_imagenet"].milestones == PAPERS["scsa"].milestones == (30, 60, 90)
    assert not any(paper.nesterov for paper in PAPERS.values())


def test_the_papers_recipes_say_that_they_score_on_the_test_set():
    assert all(paper.select_on_test for paper in PAPERS.values())
