"""What a converted model is, in Markdown: what it kept and lost, what is beside it, how to ask."""

import os

from mtl_keras.export.conversion.check import Conversion
from mtl_keras.export.conversion.formats import FLOAT32, LABELS_FILE, LITERT, ExportFormat
from mtl_keras.export.conversion.tokenizer_files import SETTINGS, TOKENIZER, VOCABULARY
from mtl_keras.export.model_card import EXAMPLE, table, training_parts
from mtl_keras.runs.run import Run

_RUNTIMES = {
    "litert": (
        "from ai_edge_litert.interpreter import Interpreter",
        'outputs = Interpreter("model.tflite").get_signature_runner()(**inputs)',
    ),
    "onnx": (
        "import onnxruntime",
        'session = onnxruntime.InferenceSession("model.onnx")\n'
        "names = [each.name for each in session.get_outputs()]\n"
        "outputs = dict(zip(names, session.run(names, inputs)))",
    ),
}


def converted_card(
    run: Run,
    *,
    name: str,
    version: str,
    best: str | None,
    form: ExportFormat,
    precision: str,
    conversion: Conversion,
) -> str:
    """The model card of a run in another format than SavedModel.

    Args:
        run: that was exported.
        name: of the model.
        version: its number.
        best: the task, or `mean`, whose best weights these are; None: those of the end.
        form: its format.
        precision: of its weights.
        conversion: how it compares with the model.
    """
    scores: dict[str, dict] = {}
    for task, each in conversion.tasks.items():
        if each.split:
            scores.setdefault(each.split, {})[task] = each.converted
    parts = [
        f"# {name}, version {version}: {form.name}, {precision}",
        *training_parts(run, "word pieces", best, scores),
        "## What the conversion changed",
        table(conversion.rows()),
        f"A call is of word pieces to scores, where it was exported ({os.cpu_count()} cores). "
        f"{conversion.compared:,} texts were answered by the trained model and, before this "
        f"version had its number, by a process without TensorFlow: {_found(conversion, precision)}",
        "## Files",
        table(_files(form)),
        "## Inputs and outputs",
        "`token_ids`, int32, and `padding_mask`, bool, true at word pieces: both `(batch, "
        "length)`, of any size"
        + (" from 1" if form is LITERT else "")
        + f", at most {run.recipe.max_length} word pieces a text. Each task is an output of its "
        "name: probabilities in the order of its `classes` in `labels.json`, `(batch, classes)`, "
        "for tagging `(batch, length, classes)`, where a word's tag is that of its first piece; "
        "for regression the number, `(batch,)`.",
        f"{form.name} has no strings, so the tokenizer is not in the model: use the files beside "
        "it. They cut texts as it was trained on, but for words of over 100 bytes and a few rare "
        "signs.",
        "## Ask it",
        f"`pip install numpy tokenizers {_PACKAGES[form.name]}`; from this folder:",
        _python(form),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


_PACKAGES = {"litert": "ai-edge-litert", "onnx": "onnxruntime"}


def _found(conversion: Conversion, precision: str) -> str:
    found = f"the largest difference between two scores was {conversion.difference:.2g}"
    return found + (" (at most 1e-05 is allowed)." if precision == FLOAT32 else ".")


def _files(form: ExportFormat) -> list[dict[str, str]]:
    told = {
        form.file: "the model",
        TOKENIZER: "the tokenizer, for `tokenizers`",
        SETTINGS: "its settings, for `transformers.AutoTokenizer`",
        VOCABULARY: "its word pieces, one a line",
        LABELS_FILE: "each task's kind and classes",
    }
    return [{"file": f"`{file}`", "what": what} for file, what in told.items()]


def _python(form: ExportFormat) -> str:
    imported, asked = _RUNTIMES[form.name]
    imports = "\n".join(sorted([imported, "import numpy as np"], key=lambda line: line.split()[1]))
    return f"""```python
import json

{imports}
from tokenizers import Tokenizer

texts = [{EXAMPLE!r}]
tokens = Tokenizer.from_file("{TOKENIZER}").encode_batch(texts)
inputs = {{
    "token_ids": np.array([each.ids for each in tokens], np.int32),
    "padding_mask": np.array([each.attention_mask for each in tokens], bool),
}}
{asked}

with open("{LABELS_FILE}", encoding="utf-8") as file:
    tasks = json.load(file)
for name, scores in outputs.items():
    print(name, tasks[name]["classes"], scores)
```"""
