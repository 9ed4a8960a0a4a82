"""What became of a finished run's examples: as it was kept, or found again."""

from mtl_keras.errors import InputError
from mtl_keras.runs.building import open_datasets
from mtl_keras.runs.provenance import describe_changes, fingerprints
from mtl_keras.runs.run import REVIEW, Run
from mtl_keras.storage.run_folder import RECORD


def reviews_of(run: Run) -> tuple[dict[str, dict], str]:
    """Returns task → its review (`evaluation.review`), and if there is none, why.

    Runs of earlier versions have kept none: their model answers the split again, and the reviews
    are kept in the run.
    """
    if (run.folder / REVIEW).is_file():
        return run.read_json(REVIEW), ""
    try:
        reviews = _found_again(run)
    except InputError as error:
        return {}, str(error)
    run.write_json(REVIEW, reviews)
    return reviews, ""


def _found_again(run: Run) -> dict[str, dict]:
    recipe = run.recipe
    datasets = open_datasets(recipe)
    before = run.read_json(RECORD).get("data", {})
    now = fingerprints(datasets, recipe.path.parent, like=before)
    if before and (changes := describe_changes(before, now)):
        raise InputError(changes)
    from mtl_keras.evaluation.review import review, reviewed_split

    model = run.model()
    return {
        name: review(model, dataset, reviewed_split(dataset))[1]
        for name, dataset in datasets.items()
    }
