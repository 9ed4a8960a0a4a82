"""What a converted model is, in Markdown: what it kept and lost, what is beside it, how to ask."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mtl_keras.display import Markdown, in_markdown
from mtl_keras.encoders.tokenizers.tokenizer_files import SETTINGS, TOKENIZER, VOCABULARY
from mtl_keras.evaluation.figures import Scores
from mtl_keras.export.conversion.comparison import Conversion
from mtl_keras.export.conversion.formats import FLOAT32, LABELS_FILE, LITERT, ONNX, ExportFormat
from mtl_keras.export.model_card import EXAMPLE, table, training_parts
from mtl_keras.runs.run import Run


@dataclass(frozen=True)
class _Runtime:
    """What runs a converted model, as its card shows it.

    Args:
        package: to install.
        import_line: of Python.
        call: of Python, which makes `outputs` of `inputs`.
        sizes: of batches and texts that it takes, in words.
    """

    package: str
    import_line: str
    call: str
    sizes: str = "of any size"


_RUNTIMES = {
    LITERT: _Runtime(
        "ai-edge-litert",
        "from ai_edge_litert.interpreter import Interpreter",
        'outputs = Interpreter("model.tflite").get_signature_runner()(**inputs)',
        sizes="of any size from 1",
    ),
    ONNX: _Runtime(
        "onnxruntime",
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
    runtime = _RUNTIMES[form]
    parts = [
        f"# {in_markdown(name)}, version {version}: {form.name}, {precision}",
        *training_parts(run, "word pieces", best, _scores(conversion)),
        "## What the conversion changed",
        table(conversion.rows()),
        _compared(conversion, precision),
        "## Files",
        table(_files(form)),
        "## Inputs and outputs",
        _inputs_and_outputs(runtime, run.recipe.max_length),
        f"{form.name} has no strings, so the tokenizer is not in the model: use the files beside "
        "it. They cut texts as it was trained on, but for words of over 100 bytes and a few rare "
        "signs.",
        "## Ask it",
        f"`pip install numpy tokenizers {runtime.package}`; from this folder:",
        _python(runtime),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _scores(conversion: Conversion) -> Scores:
    """Split → task → the converted model's metrics."""
    scores: dict[str, dict[str, Mapping[str, Any]]] = {}
    for task, compared in conversion.tasks.items():
        if compared.split:
            scores.setdefault(compared.split, {})[task] = compared.converted
    return scores


def _compared(conversion: Conversion, precision: str) -> str:
    limit = " (at most 1e-05 is allowed)" if precision == FLOAT32 else ""
    return (
        f"A call is of word pieces to scores, where it was exported ({os.cpu_count()} cores). "
        f"{conversion.compared:,} texts were answered by the trained model and, before this "
        "version had its number, by a process without TensorFlow: the largest difference between "
        f"two scores was {conversion.difference:.2g}{limit}."
    )


def _files(form: ExportFormat) -> list[dict[str, str]]:
    files = {
        form.file: "the model",
        TOKENIZER: "the tokenizer, for `tokenizers`",
        SETTINGS: "its settings, for `transformers.AutoTokenizer`",
        VOCABULARY: "its word pieces, one a line",
        LABELS_FILE: "each task's kind and classes",
    }
    return [{"file": Markdown(f"`{file}`"), "what": Markdown(what)} for file, what in files.items()]


def _inputs_and_outputs(runtime: _Runtime, max_length: int) -> str:
    return (
        "`token_ids`, int32, and `padding_mask`, bool, true at word pieces: both `(batch, "
        f"length)`, {runtime.sizes}, at most {max_length} word pieces a text. Each task is an "
        "output of its name: probabilities in the order of its `classes` in `labels.json`, "
        "`(batch, classes)`, for tagging and token_labels `(batch, length, classes)`, where what "
        "counts of a word is its first piece; for regression the number, `(batch,)`."
    )


def _python(runtime: _Runtime) -> str:
    lines = [runtime.import_line, "import numpy as np"]
    imports = "\n".join(sorted(lines, key=lambda line: line.split()[1]))
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
{runtime.call}

with open("{LABELS_FILE}", encoding="utf-8") as file:
    tasks = json.load(file)
for name, scores in outputs.items():
    print(name, tasks[name]["classes"], scores)
```"""
