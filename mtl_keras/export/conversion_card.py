"""The model card of a converted model, in Markdown: what changed, its files, how to use it."""

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
from mtl_keras.export.origin import Origin


@dataclass(frozen=True)
class _Runtime:
    """The runtime of a converted model, as its card shows it.

    Args:
        package: to install.
        import_line: Python code.
        call: Python code that computes `outputs` from `inputs`.
        sizes: of batches and texts that it accepts, in words.
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
        "names = [output.name for output in session.get_outputs()]\n"
        "outputs = dict(zip(names, session.run(names, inputs)))",
    ),
}


def converted_card(
    origin: Origin,
    *,
    name: str,
    version: str,
    form: ExportFormat,
    precision: str,
    conversion: Conversion,
) -> str:
    """The model card of an export as LiteRT or ONNX.

    Args:
        origin: of the exported model.
        name: of the model.
        version: its number.
        form: the format.
        precision: of the weights.
        conversion: how it compares with the original model.
    """
    runtime = _RUNTIMES[form]
    parts = [
        f"# {in_markdown(name)}, version {version}: {form.name}, {precision}",
        *training_parts(origin, "word pieces", _scores(conversion)),
        "## What the conversion changed",
        table(conversion.rows()),
        _compared(conversion, precision),
        "## Files",
        table(_files(form)),
        "## Inputs and outputs",
        _inputs_and_outputs(runtime, origin.max_length),
        f"{form.name} cannot process strings, so the model does not contain the tokenizer: use the "
        "files beside it. They split texts as in training, except for words of more than 100 bytes "
        "and a few rare characters.",
        "## How to use it",
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
        "A call goes from word pieces to scores, on the machine of the export "
        f"({os.cpu_count()} cores). Before this version was published, the trained model and a "
        f"process without TensorFlow answered {conversion.compared:,} texts: the largest "
        f"difference between two scores was {conversion.difference:.2g}{limit}."
    )


def _files(form: ExportFormat) -> list[dict[str, str]]:
    files = {
        form.file: "the model",
        TOKENIZER: "the tokenizer, for `tokenizers`",
        SETTINGS: "its settings, for `transformers.AutoTokenizer`",
        VOCABULARY: "its word pieces, one per line",
        LABELS_FILE: "each task's kind and classes",
    }
    return [{"file": Markdown(f"`{file}`"), "what": Markdown(what)} for file, what in files.items()]


def _inputs_and_outputs(runtime: _Runtime, max_length: int) -> str:
    return (
        "The inputs are `token_ids`, int32, and `padding_mask`, bool, true at word pieces: both "
        f"`(batch, length)`, {runtime.sizes}, at most {max_length} word pieces per text. Each task "
        "has an output of its name: probabilities in the order of its `classes` in `labels.json`, "
        "`(batch, classes)`; for tagging and token_labels `(batch, length, classes)`, where a word "
        "has the values at its first piece; for regression the number, `(batch,)`."
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
    "token_ids": np.array([text.ids for text in tokens], np.int32),
    "padding_mask": np.array([text.attention_mask for text in tokens], bool),
}}
{runtime.call}

with open("{LABELS_FILE}", encoding="utf-8") as file:
    tasks = json.load(file)
for name, scores in outputs.items():
    print(name, tasks[name]["classes"], scores)
```"""
