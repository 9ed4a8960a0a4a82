"""The commands of `mtl-keras` and their arguments, one function per command."""

import argparse

from mtl_keras.cli import commands, completion, inspection
from mtl_keras.cli.arguments import (
    Commands,
    Parser,
    add_command,
    budget,
    given_path,
    override,
    points,
    whole,
    whole_from_1,
)
from mtl_keras.export.conversion.formats import FLOAT32, FORMATS, PRECISIONS
from mtl_keras.version import __version__

DESCRIPTION = "Several text tasks, one compact transformer, one recipe."
RECIPE_HELP = "a YAML file, or the name of a bundled recipe"
RUN_HELP = "a run's folder"
BEST_HELP = "use the weights with the best validation score of this task, or of the tasks' mean"
FOLDER_HELP = "a run's folder, an export's, or a .keras file"
INPUT_HELP = "a .csv, .tsv, .jsonl or .parquet file, or one with a text a line"
COLUMN_HELP = "the column of --input with the texts (default: text, or the only one)"


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line. Parsed options hold `run`, the command's function."""
    parser = Parser("mtl-keras", description=DESCRIPTION)
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.add_argument("--version", action="version", version=f"mtl-keras {__version__}")
    added = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        *(_add_train, _add_compare, _add_search, _add_advise, _add_evaluate, _add_predict),
        *(_add_report, _add_export, _add_demo, _add_embed, _add_check, _add_inspect),
        _add_recipes,
        _add_completion,
    ):
        add(added)
    parser.set_defaults(parser=parser)
    return parser


def _add_train(added: Commands) -> None:
    command = add_command(added, "train", commands.train)
    command.add_argument("recipe", help=RECIPE_HELP)
    _add_overrides(command)
    command.add_argument(
        "--output", type=given_path, help="the run's folder (default: runs/<recipe>-<n>)"
    )
    command.add_argument(
        "--resume",
        action="store_true",
        help="resume an unfinished run: that in --output, or else the recipe's last one",
    )
    command.add_argument("--quiet", action="store_true", help="show no progress")
    command.add_argument(
        "--workers",
        type=whole_from_1,
        default=1,
        metavar="N",
        help="train with N processes on this machine",
    )


def _add_overrides(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--set",
        dest="overrides",
        type=override,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="replace a value of the recipe, for example training.seed=3 or stages.0.epochs=1",
    )


def _add_check(added: Commands) -> None:
    command = add_command(added, "check", inspection.check, as_json=True)
    command.add_argument("recipe", help=RECIPE_HELP)
    _add_overrides(command)


def _add_compare(added: Commands) -> None:
    command = add_command(added, "compare", commands.compare)
    command.add_argument("recipe", help=RECIPE_HELP)
    _add_overrides(command)
    command.add_argument(
        "--plans",
        nargs="+",
        metavar="PLAN",
        help="named training plans, stages (the recipe's own), or linear models on the frozen "
        "encoder's features, on its static word vectors or on words (tfidf)",
    )
    command.add_argument(
        "--seeds", type=whole_from_1, default=3, metavar="N", help="seeds 0 to N-1"
    )
    command.add_argument(
        "--budget",
        type=budget,
        default="3",
        help="what the search for each model's learning rates may cost, in epochs (default: 3; 0: "
        "no search) or minutes, as in 10min",
    )
    command.add_argument(
        "--output", type=given_path, help="the report's folder (default: comparisons/<recipe>)"
    )


def _add_search(added: Commands) -> None:
    command = add_command(added, "search", commands.search)
    command.add_argument("recipe", help=RECIPE_HELP)
    _add_overrides(command)
    command.add_argument(
        "--within",
        type=points,
        default=1.0,
        metavar="POINTS",
        help="how far the plan may be behind the best, in points of 0.01 of the mean score",
    )
    command.add_argument(
        "--cost",
        choices=("training", "latency"),
        default="training",
        help="what is to be cheap: the training (default), or one text's answer",
    )
    command.add_argument(
        "--budget",
        type=budget,
        help="what the search may cost, in epochs of full fine-tuning or minutes, as in 10min "
        "(default: four whole trainings of everything)",
    )
    command.add_argument(
        "--output", type=given_path, help="folder of the recipe (default: searches/<recipe>)"
    )


def _add_advise(added: Commands) -> None:
    command = add_command(added, "advise", commands.advise, as_json=True)
    command.add_argument("recipe", help=RECIPE_HELP)
    _add_overrides(command)


def _add_evaluate(added: Commands) -> None:
    command = add_command(added, "evaluate", commands.evaluate, as_json=True)
    command.add_argument("folder", metavar="run|export", help=FOLDER_HELP)
    command.add_argument(
        "--recipe", help=f"of an export or a .keras file, the recipe with its data: {RECIPE_HELP}"
    )
    command.add_argument("--split", default="test", choices=("train", "validation", "test"))
    command.add_argument("--best", metavar="TASK", help=BEST_HELP)


def _add_predict(added: Commands) -> None:
    command = add_command(added, "predict", commands.predict, as_json=True)
    command.add_argument("folder", metavar="run|export", help=FOLDER_HELP)
    command.add_argument(
        "text",
        nargs="*",
        help="texts to answer; without them and --input, one text a line is read from stdin",
    )
    command.add_argument("--best", metavar="TASK", help=BEST_HELP)
    command.add_argument(
        "--input",
        type=given_path,
        metavar="FILE",
        help=f"{INPUT_HELP}; - is stdin",
    )
    command.add_argument("--column", help=COLUMN_HELP)
    command.add_argument(
        "--output",
        type=given_path,
        metavar="FILE",
        help="a .csv, .jsonl or .parquet file to write: the rows of the input with the answers",
    )


def _add_report(added: Commands) -> None:
    command = add_command(added, "report", commands.report)
    command.add_argument("run_folder", metavar="run", help=RUN_HELP)
    command.add_argument("--open", action="store_true", help="show the page in a browser")


def _add_export(added: Commands) -> None:
    command = add_command(added, "export", commands.export)
    command.add_argument("run_folder", metavar="run", help=RUN_HELP)
    command.add_argument(
        "folder", type=given_path, help="the folder of versions; the export takes the next number"
    )
    command.add_argument("--best", metavar="TASK", help=BEST_HELP)
    names = [form.name for form in FORMATS]
    command.add_argument(
        "--format",
        default=names[0],
        choices=names,
        help="litert and onnx models take word pieces, so the tokenizer's files are added",
    )
    command.add_argument(
        "--precision",
        default=FLOAT32,
        choices=PRECISIONS,
        help="precision of the weights; int8 quantizes them (dynamic range)",
    )
    command.add_argument(
        "--verify-against",
        dest="against",
        metavar="DIR",
        help="an export, such as saved_models/tickets/1, whose answers the new one must equal",
    )


def _add_demo(added: Commands) -> None:
    command = add_command(added, "demo", commands.demo)
    command.add_argument("folder", metavar="run|export", help=FOLDER_HELP)
    command.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; with any but the default, others on the network can ask too",
    )
    command.add_argument(
        "--port", type=whole, default=8000, help="the first port to try; 0 takes any free port"
    )


def _add_embed(added: Commands) -> None:
    command = add_command(added, "embed", commands.embed)
    command.add_argument(
        "source", help="an encoder: all-MiniLM-L6-v2, a TF Hub handle, a folder or run:FOLDER"
    )
    command.add_argument("--input", required=True, metavar="FILE", help=INPUT_HELP)
    command.add_argument("--column", help=COLUMN_HELP)
    command.add_argument("--output", required=True, help="the .npy file to write")
    command.add_argument(
        "--max-length", type=whole, default=128, help="most word pieces read of a text"
    )


def _add_inspect(added: Commands) -> None:
    command = add_command(added, "inspect", inspection.inspect, as_json=True)
    command.add_argument("source", help="a recipe, or a run's folder")
    _add_overrides(command)


def _add_recipes(added: Commands) -> None:
    add_command(added, "recipes", commands.recipes, as_json=True)


def _add_completion(added: Commands) -> None:
    command = add_command(added, "completion", completion.completion)
    command.add_argument("shell", choices=completion.SHELLS)
