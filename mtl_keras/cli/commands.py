"""The functions behind the commands. Only commands that compute import TensorFlow."""

import argparse
import os
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from mtl_keras.cli.asking import answered, answerer_of, asked, count_texts
from mtl_keras.cli.console import (
    counted,
    load_tensorflow,
    print_findings,
    print_json,
    print_metrics,
    print_table,
    readable,
    warn,
)
from mtl_keras.cli.evaluating import evaluation_of
from mtl_keras.data.answer_files import check_answer_file, write_answers
from mtl_keras.data.text_files import text_rows
from mtl_keras.display import show
from mtl_keras.errors import InputError, WorkError

if TYPE_CHECKING:
    from mtl_keras.recipes.recipe import Recipe


def train(options: argparse.Namespace) -> int | None:
    """Trains a recipe, then prints the scores and the run's folder."""
    from mtl_keras.cli.training import train_here
    from mtl_keras.distribution.clusters import Cluster
    from mtl_keras.recipes.recipe import load_recipe
    from mtl_keras.runs.run import next_folder, unfinished_folder

    recipe = load_recipe(options.recipe, overrides=options.overrides)
    begun = unfinished_folder(recipe.path) if options.resume else None
    folder = options.output or begun or next_folder(recipe.path)
    is_chief = Cluster.of_environment().is_chief
    if is_chief and _is_finished(folder, recipe, options.resume):
        return None
    if options.workers > 1:
        return _train_workers(options, recipe.strategy, folder)
    train_here(recipe, folder, resume=options.resume, quiet=options.quiet, is_chief=is_chief)
    return None


def evaluate(options: argparse.Namespace) -> None:
    """Prints the metrics of a run, or of an export on a recipe's files, on a split."""
    scored = evaluation_of(options.folder, options.recipe, options.best, options.split)
    load_tensorflow()
    scores = scored()
    if options.json:
        audit = [finding.to_json() for finding in scores.audit]
        print_json({"tasks": scores.metrics, "audit": audit})
    else:
        print_metrics({options.split: scores.metrics})
        print_findings(scores.audit)


def predict(options: argparse.Namespace) -> None:
    """Prints or writes every task's answer for each text, by a run or an export."""
    if options.output:
        check_answer_file(options.output, asked=options.input)
    rows = asked(options.text, options.input, options.column)
    load = answerer_of(options.folder, options.best, rows.count)
    load_tensorflow()
    answerer = load()
    answers = answered(rows, answerer.ask)
    if options.output:
        write_answers(options.output, counted(answers, rows.count), answerer.forms)
        return
    for of_text in answers:
        if options.json:
            print_json(of_text.answer, indent=None)
        else:
            show(readable(of_text.answer, answerer.forms))


def embed(options: argparse.Namespace) -> None:
    """Writes the sentence embeddings of a file's texts."""
    file = Path(options.output)
    if file.suffix != ".npy" or file.is_dir() or not file.absolute().parent.is_dir():
        raise InputError(f"{options.output}: --output must be a .npy file in an existing folder")
    count = count_texts(options.input, options.column)
    load_tensorflow()
    from mtl_keras.encoders.embedding_files import write_embeddings
    from mtl_keras.encoders.text_encoder import TextEncoder

    encoder = TextEncoder.from_pretrained(options.source, max_length=options.max_length)
    texts = (row.text for row in text_rows(options.input, options.column))
    shape = write_embeddings(encoder, texts, count, options.output)
    show(f"{options.output}: {shape[0]} × {shape[1]}, float32")


def export(options: argparse.Namespace) -> None:
    """Exports a run as a verified SavedModel (raw strings in, for TF Serving), LiteRT or ONNX."""
    from mtl_keras.runs.run import Run

    run = Run.open(options.run_folder)
    load_tensorflow()
    from mtl_keras.export.publication import publish

    names = ("best", "format", "precision", "against")
    version = publish(run, options.folder, **{name: getattr(options, name) for name in names})
    show(f"export: {version}")


def report(options: argparse.Namespace) -> None:
    """Writes a run's page, report.html: scores, curves, mistakes, costs; --open shows it."""
    from mtl_keras.runs.run import REVIEW, Run

    run = Run.open(options.run_folder)
    if not (run.folder / REVIEW).is_file():
        load_tensorflow()  # the model answers again
    page = run.report()
    show(f"report: {page}")
    if options.open and not webbrowser.open(page.resolve().as_uri()):
        raise WorkError(f"{page}: no browser to open it; open the file yourself")


def demo(options: argparse.Namespace) -> None:
    """Serves a web page to try a run or an export: every task's answer as you type."""
    from mtl_keras.serving.demo.server import serve
    from mtl_keras.serving.demo.sources import find_source

    find_source(options.folder)  # reports errors before TensorFlow loads
    load_tensorflow()
    serve(options.folder, host=options.host, port=options.port)


def compare(options: argparse.Namespace) -> None:
    """Runs training plans side by side and writes a report: what each costs, gains and breaks."""
    from mtl_keras.experiments.comparison import compare as compare_plans
    from mtl_keras.recipes.recipe import load_recipe

    recipe = load_recipe(options.recipe, overrides=options.overrides)
    folder = Path(options.output or f"comparisons/{recipe.path.stem}")
    settings = {"seeds": options.seeds, "budget": options.budget}
    compare_plans(recipe, folder, plans=options.plans or (), **settings)
    show((folder / "report.md").read_text(encoding="utf-8"))
    show(f"report: {folder / 'report.html'}")


def search(options: argparse.Namespace) -> None:
    """Finds the cheapest plan that is nearly as good as the best, and writes its recipe."""
    from mtl_keras.recipes.recipe import load_recipe

    recipe = load_recipe(options.recipe, overrides=options.overrides)
    folder = Path(options.output or f"searches/{recipe.path.stem}")
    load_tensorflow()
    from mtl_keras.experiments.found_plans import found_plans, search_cost
    from mtl_keras.experiments.searching import FOUND
    from mtl_keras.experiments.searching import search as search_plan

    settings = {"within": options.within, "cost": options.cost, "budget": options.budget}
    record = search_plan(recipe, folder, **settings)
    print_table(found_plans(record))
    show(search_cost(record))
    show(f"recipe: {folder / FOUND}")


def advise(options: argparse.Namespace) -> None:
    """Recommends a training plan for a recipe's data, with the reason."""
    from mtl_keras.experiments.advice import advise as advise_plan
    from mtl_keras.experiments.advice import render
    from mtl_keras.recipes.recipe import load_recipe
    from mtl_keras.runs.building import open_datasets

    recipe = load_recipe(options.recipe, overrides=options.overrides)
    datasets = open_datasets(recipe, read_all=True, report=warn)
    advice = advise_plan(recipe, datasets, plan_name=str(recipe.plan))
    if options.json:
        print_json(advice.to_json())
    else:
        show(render(advice))


def recipes(options: argparse.Namespace) -> None:
    """Lists the bundled recipes."""
    from mtl_keras.recipes.recipe import bundled_recipes

    rows = [
        {"name": name, "what": _first_comment(path), "path": str(path)}
        for name, path in bundled_recipes().items()
    ]
    if options.json:
        print_json({"recipes": rows})
    else:
        print_table(rows)


def _is_finished(folder: str | Path, recipe: "Recipe", resume: bool) -> bool:
    """Whether the run is finished; if so, prints its scores. Raises if no run can be put here."""
    from mtl_keras.runs.run import Run
    from mtl_keras.runs.unfinished import end
    from mtl_keras.storage.locks import check_unlocked

    check_unlocked(folder)
    if not resume:
        Run(folder).check_free()
    elif Run(folder).is_finished:
        end(Run(folder), recipe.as_written)
        show(f"{folder}: already finished; nothing to resume")
        print_metrics(Run.open(folder).scores)
        return True
    return False


def _train_workers(options: argparse.Namespace, strategy: str, folder: str | Path) -> int:
    """Trains in several processes; returns their exit status."""
    from mtl_keras.distribution.clusters import TF_CONFIG
    from mtl_keras.distribution.launching import run_workers

    if TF_CONFIG in os.environ:
        raise InputError(f"--workers: {TF_CONFIG} already names the workers; leave one of them out")
    if strategy not in ("auto", "multi_worker"):
        raise InputError(
            f"--workers trains with strategy multi_worker; the recipe says {strategy}; leave one "
            "of them out"
        )
    flags = [f"--{flag}" for flag in ("resume", "quiet", "debug") if getattr(options, flag)]
    changes = [f"--set={override.written}" for override in options.overrides]
    arguments = ["train", options.recipe, "--output", str(folder), *flags, *changes]
    return run_workers(arguments, options.workers)


def _first_comment(path: Path) -> str:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix("#").strip()
