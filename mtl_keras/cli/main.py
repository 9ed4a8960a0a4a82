"""The `mtl-keras` command. TensorFlow is imported only by the commands that compute."""

import argparse
import dataclasses
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from mtl_keras.cli.arguments import Parser, add_command, check_utf8, given_path, whole_from_1
from mtl_keras.cli.console import counts, print_json, print_metrics, print_plan, readable
from mtl_keras.errors import InputError, WorkError
from mtl_keras.export.conversion.formats import FLOAT32, FORMATS, PRECISIONS

BEST_HELP = "with the weights that were best for this task on the validation split, or for the mean"
PLANS_HELP = "named training plans, features (everything frozen), stages (the recipe's own)"
DESCRIPTION = "Several text tasks, one compact transformer, one recipe."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status: 0, 1 (the work failed) or 2 (wrong input)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        check_utf8(arguments)
        options = _parser().parse_args(arguments, argparse.Namespace(status=0))
        options.run(options)
        return options.status
    except (InputError, WorkError) as error:
        if "--debug" in arguments:
            raise
        print(f"mtl-keras: {error}", file=sys.stderr)
        return 1 if isinstance(error, WorkError) else 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("mtl-keras: interrupted", file=sys.stderr)
        return 130


def train(options: argparse.Namespace) -> None:
    """Trains a recipe and prints where the run is and what it scores."""
    from mtl_keras.distribution.clusters import Cluster
    from mtl_keras.recipes.recipe import load_recipe
    from mtl_keras.runs.run import METRICS, next_folder, unfinished_folder

    recipe = load_recipe(options.recipe)
    begun = unfinished_folder(recipe.path) if options.resume else None
    folder = options.output or begun or next_folder(recipe.path)
    is_chief = Cluster.of_environment().is_chief
    if is_chief and _is_finished(folder, options.resume):
        return
    if options.workers > 1:
        options.status = _train_workers(options, recipe.strategy, folder)
        return
    datasets = _open_datasets(recipe, for_training=True)
    _load_tensorflow()
    from mtl_keras.training.monitoring import EveryMinute
    from mtl_keras.training.train_recipe import train as train_recipe

    bar = 1 if sys.stdout.isatty() else 2  # a line an epoch where nobody watches
    run = train_recipe(
        recipe,
        folder,
        datasets,
        resume=options.resume,
        verbose=0 if options.quiet else bar,
        callbacks=[EveryMinute()] if bar == 2 and is_chief and not options.quiet else [],
    )
    if is_chief:
        print_metrics(run.read_json(METRICS))
        print(f"run: {run.folder}")


def evaluate(options: argparse.Namespace) -> None:
    """Prints a run's metrics on a split of its recipe's files."""
    from mtl_keras.runs.provenance import fingerprints, told_changes
    from mtl_keras.runs.run import RECORD, Run

    run = Run.open(options.run_folder)
    recipe = run.recipe
    datasets = _open_datasets(recipe, for_training=True)
    _check_split(datasets, options.split)
    before = run.read_json(RECORD).get("data")
    now = fingerprints(datasets, recipe.path.parent, like=before)
    known = now if before is None else {name: before[name] for name in now if name in before}
    if changes := told_changes(known, now):
        print(f"mtl-keras: {changes}", file=sys.stderr)
    _load_tensorflow()
    from mtl_keras.evaluation.scores import evaluate_all

    tasks = evaluate_all(run.model(best=options.best), datasets, options.split)
    if options.json:
        print_json({"tasks": tasks})
    else:
        print_metrics({options.split: tasks})


def predict(options: argparse.Namespace) -> None:
    """Prints every task's answer for each text."""
    from mtl_keras.runs.run import Run

    run = Run.open(options.run_folder)
    if bool(options.text) == bool(options.input):
        received = "both" if options.text else "neither"
        raise InputError(f"predict takes texts, or --input FILE with them. Received: {received}")
    texts = list(_lines(options.input)) if options.input else options.text
    if not texts:
        raise InputError(f"{options.input}: no line; give one text a line")
    _load_tensorflow()
    from mtl_keras.models.prediction import answer

    model = run.model(best=options.best)
    graph = len(texts) > 32
    for start in range(0, len(texts), 1024):
        for each in answer(model, texts[start : start + 1024], graph=graph):
            print_json(each, indent=None) if options.json else print(readable(each))


def embed(options: argparse.Namespace) -> None:
    """Writes the sentence embeddings of a file's lines."""
    _check_output(options.output)
    count = sum(1 for _ in _lines(options.input))
    if not count:
        raise InputError(f"{options.input}: no line; give one text a line")
    _load_tensorflow()
    from mtl_keras.encoders.text_encoder import TextEncoder, write_embeddings

    encoder = TextEncoder.from_pretrained(options.source, max_length=options.max_length)
    shape = write_embeddings(encoder, _lines(options.input), count, options.output)
    print(f"{options.output}: {shape[0]} × {shape[1]}, float32")


def export(options: argparse.Namespace) -> None:
    """Writes a run as a SavedModel (raw strings in, for TF Serving), LiteRT or ONNX, proved."""
    from mtl_keras.runs.run import Run

    run = Run.open(options.run_folder)
    _load_tensorflow()
    from mtl_keras.export.publication import publish

    names = ("best", "format", "precision", "against")
    version = publish(run, options.folder, **{name: getattr(options, name) for name in names})
    print(f"export: {version}")


def demo(options: argparse.Namespace) -> None:
    """Serves a page on which to try a run or an export: every task's answer as you type."""
    from mtl_keras.serving.demo.server import serve
    from mtl_keras.serving.demo.sources import find_source

    find_source(options.folder)  # what is wrong with it is told at once
    _load_tensorflow()
    serve(options.folder, host=options.host, port=options.port)


def compare(options: argparse.Namespace) -> None:
    """Runs training plans side by side and writes a report: what each costs, gains and breaks."""
    from mtl_keras.experiments.comparison import compare as compare_plans
    from mtl_keras.recipes.recipe import load_recipe

    recipe = load_recipe(options.recipe)
    folder = Path(options.output or f"comparisons/{recipe.path.stem}")
    compare_plans(recipe, folder, plans=options.plans or (), seeds=options.seeds)
    print((folder / "report.md").read_text(encoding="utf-8"))
    print(f"report: {folder / 'report.html'}")


def advise(options: argparse.Namespace) -> None:
    """Looks at a recipe's data and recommends a training plan, with the reason."""
    from mtl_keras.experiments.advice import advise as advise_plan
    from mtl_keras.experiments.advice import render
    from mtl_keras.recipes.recipe import load_recipe

    recipe = load_recipe(options.recipe)
    advice = advise_plan(recipe, _open_datasets(recipe), plan_name=str(recipe.plan))
    print_json(advice.to_json()) if options.json else print(render(advice))


def inspect(options: argparse.Namespace) -> None:
    """Prints a recipe's or run's tasks, which groups train when, and what a recipe will cost."""
    from mtl_keras.recipes.recipe import load_recipe
    from mtl_keras.runs.run import Run

    source = Path(options.source)
    run = Run.open(source) if source.is_dir() else None
    recipe = run.recipe if run else load_recipe(source)
    datasets = _open_datasets(recipe)
    _load_tensorflow()
    from mtl_keras.experiments.forecast import forecast
    from mtl_keras.experiments.forecast import table as forecast_table
    from mtl_keras.plans.plan_table import plan_table
    from mtl_keras.runs.building import build_model
    from mtl_keras.training.trainer import Training

    model = run.model() if run else build_model(recipe, datasets)
    stages = recipe.plan.stages(list(model.layer_groups))
    groups = plan_table(model, stages)
    costs = [] if run else forecast(Training(recipe, datasets, model, ""))
    if options.json:
        forecasts = [dataclasses.asdict(each) for each in costs]
        print_json({"tasks": counts(datasets), "groups": groups, "forecast": forecasts})
        return
    print(tabulate(counts(datasets), headers="keys", intfmt=","), end="\n\n")
    print_plan(groups)
    if costs:
        print("\n" + tabulate(forecast_table(costs), headers="keys"))


def recipes(options: argparse.Namespace) -> None:
    """Lists the bundled recipes."""
    from mtl_keras.recipes.recipe import bundled_recipes

    rows = [
        {"name": name, "what": _first_comment(path), "path": str(path)}
        for name, path in bundled_recipes().items()
    ]
    print_json({"recipes": rows}) if options.json else print(tabulate(rows, headers="keys"))


def _parser() -> argparse.ArgumentParser:
    parser = Parser("mtl-keras", description=DESCRIPTION)
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = add_command(commands, "train", train)
    command.add_argument("recipe", help="a YAML file, or the name of a bundled recipe")
    help_text = "folder of the run (default: runs/<recipe>-<n>)"
    command.add_argument("--output", type=given_path, help=help_text)
    help_text = "goes on with an unfinished run: that of --output, else the last of the recipe"
    command.add_argument("--resume", action="store_true", help=help_text)
    command.add_argument("--quiet", action="store_true", help="no progress")
    help_text = "processes on this machine that train it together"
    command.add_argument("--workers", type=whole_from_1, default=1, metavar="N", help=help_text)

    command = add_command(commands, "compare", compare)
    command.add_argument("recipe", help="a YAML file, or the name of a bundled recipe")
    command.add_argument("--plans", nargs="+", metavar="PLAN", help=PLANS_HELP)
    command.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds 0 to N-1")
    help_text = "folder of the report (default: comparisons/<recipe>)"
    command.add_argument("--output", type=given_path, help=help_text)

    command = add_command(commands, "advise", advise, as_json=True)
    command.add_argument("recipe", help="a YAML file, or the name of a bundled recipe")

    command = add_command(commands, "evaluate", evaluate, as_json=True)
    command.add_argument("run_folder", metavar="run", help="a run's folder")
    command.add_argument("--split", default="test", choices=("train", "validation", "test"))
    command.add_argument("--best", metavar="TASK", help=BEST_HELP)

    command = add_command(commands, "predict", predict, as_json=True)
    command.add_argument("run_folder", metavar="run", help="a run's folder")
    command.add_argument("text", nargs="*", help="texts; an empty one is answered too")
    command.add_argument("--best", metavar="TASK", help=BEST_HELP)
    command.add_argument("--input", type=given_path, help="a file (.gz too) with one text a line")

    command = add_command(commands, "export", export)
    command.add_argument("run_folder", metavar="run", help="a run's folder")
    command.add_argument("folder", type=given_path, help="of the versions; takes the next number")
    command.add_argument("--best", metavar="TASK", help=BEST_HELP)
    names = [each.name for each in FORMATS]
    help_text = "litert and onnx take word pieces: the tokenizer's files go beside them"
    command.add_argument("--format", default=names[0], choices=names, help=help_text)
    help_text = "of the weights; int8 quantizes them (dynamic range)"
    command.add_argument("--precision", default=FLOAT32, choices=PRECISIONS, help=help_text)
    help_text = "an export, such as saved_models/tickets/1, whose answers the new one must have"
    command.add_argument("--verify-against", dest="against", metavar="DIR", help=help_text)

    command = add_command(commands, "demo", demo)
    command.add_argument("folder", metavar="run|export", help="a run's folder, or an export's")
    command.add_argument("--host", default="127.0.0.1", help="beyond it, whoever can reach asks")
    command.add_argument("--port", type=int, default=8000, help="the first to try; 0 takes any")

    command = add_command(commands, "embed", embed)
    command.add_argument("source", help="an encoder: all-MiniLM-L6-v2, a TF Hub handle, a folder …")
    command.add_argument("--input", required=True, help="a file (.gz too) with one text a line")
    command.add_argument("--output", required=True, help="the .npy file to write")
    command.add_argument("--max-length", type=int, default=128, help="word pieces a text")

    command = add_command(commands, "inspect", inspect, as_json=True)
    command.add_argument("source", help="a recipe, or a run's folder")

    add_command(commands, "recipes", recipes, as_json=True)
    return parser


def _is_finished(folder: str | Path, resume: bool) -> bool:
    """Whether there is nothing to resume, which is told; an error where a run cannot be put."""
    from mtl_keras.runs.run import METRICS, Run
    from mtl_keras.runs.unfinished import end
    from mtl_keras.storage.locks import check_unlocked

    check_unlocked(folder)
    if not resume:
        Run(folder).check_free()
    elif Run(folder).is_finished:
        end(Run(folder))
        print(f"{folder}: finished already; nothing to resume")
        print_metrics(Run.open(folder).read_json(METRICS))
        return True
    return False


def _train_workers(options: argparse.Namespace, strategy: str, folder: str | Path) -> int:
    from mtl_keras.distribution.clusters import TF_CONFIG
    from mtl_keras.distribution.launching import run_workers

    if TF_CONFIG in os.environ:
        raise InputError(f"--workers: {TF_CONFIG} names the workers already; leave one of them out")
    if strategy not in ("auto", "multi_worker"):
        raise InputError(
            f"--workers trains with strategy multi_worker; the recipe says {strategy}; leave one "
            "of them out"
        )
    flags = [flag for flag in ("resume", "quiet", "debug") if getattr(options, flag)]
    arguments = ["train", options.recipe, "--output", str(folder), *(f"--{each}" for each in flags)]
    return run_workers(arguments, options.workers)


def _load_tensorflow() -> None:
    """Imports TensorFlow, whose C++ parts talk of absent GPUs before they know a log level."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    stderr = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _open_datasets(recipe, *, for_training: bool = False) -> dict:
    """The recipe's files, validated; for training but those that it need not read beforehand."""
    from mtl_keras.data.task_dataset import TaskDataset

    def report(line: str) -> None:
        print(f"mtl-keras: {line}", file=sys.stderr)

    return {
        task.name: TaskDataset(
            task,
            base_folder=recipe.path.parent,
            unread=recipe.unread(task) if for_training else (),
            report=report,
        )
        for task in recipe.tasks
    }


def _check_split(datasets: Mapping, split: str) -> None:
    """Names the tasks without files for a split; an error where that is all of them."""
    without = [name for name, dataset in datasets.items() if split not in dataset.splits]
    if len(without) == len(datasets):
        datasets[without[0]].check_split(split)
    for name in without:
        print(f"mtl-keras: task {name!r} has no {split} files; left out", file=sys.stderr)


def _lines(path: str) -> Iterable[str]:
    from mtl_keras.storage.files import read_lines

    return read_lines(Path(path))


def _check_output(path: str) -> None:
    file = Path(path)
    if file.suffix != ".npy" or file.is_dir() or not file.absolute().parent.is_dir():
        raise InputError(f"{path}: --output is a .npy file in a folder that exists")


def _first_comment(path: Path) -> str:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix("#").strip()


if __name__ == "__main__":
    sys.exit(main())
