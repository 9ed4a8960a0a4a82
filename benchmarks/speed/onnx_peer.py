"""ONNX Runtime answering one task, with Hugging Face's fast tokenizer.

The graph is PyTorch's export of encoder, mean pooling, head and softmax: unchanged, or fused by
ONNX Runtime's own transformer optimizer, whichever is faster here. The process that answers holds
neither PyTorch nor Transformers.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import measure
import numpy as np
import onnxruntime
import work
from tokenizers_peer import fast_tokenizer
from work import Job

TASK = work.TASKS[0]
INPUTS = ("input_ids", "attention_mask")


def export(job: Job) -> None:
    """Writes `model.onnx`; its head is untrained, which costs as much."""
    import torch

    plain, fused = Path(job.exports, "plain.onnx"), Path(job.exports, "fused.onnx")
    example = torch.ones((2, 8), dtype=torch.long)
    torch.onnx.export(
        _classifier(job),
        (example, example),
        str(plain),
        input_names=list(INPUTS),
        output_names=["scores"],
        dynamic_axes={name: {0: "batch", 1: "length"} for name in INPUTS},
        dynamo=False,
    )
    _fuse(job, plain, fused)
    min((plain, fused), key=_seconds).replace(Path(job.exports, "model.onnx"))


def answer(job: Job) -> measure.Answer:
    """Strings → the label and score of one task."""
    session = _session(Path(job.exports, "model.onnx"))
    tokenizer, labels = fast_tokenizer(job), measure.labels(job, TASK)
    tokenizer.enable_padding()

    def answers(texts: Sequence[str]) -> list[dict]:
        encodings = tokenizer.encode_batch(list(texts))
        inputs = {
            "input_ids": np.array([one.ids for one in encodings], np.int64),
            "attention_mask": np.array([one.attention_mask for one in encodings], np.int64),
        }
        (scores,) = session.run(None, inputs)
        best = scores.argmax(-1)
        result = zip(best.tolist(), scores.max(-1).tolist(), strict=True)
        return [{"label": labels[index], "score": score} for index, score in result]

    return answers


def settings(job: Job) -> dict:
    """How the session was set up."""
    return {
        "graph": "torch.onnx.export, or fused by onnxruntime.transformers.optimizer (bert), "
        "whichever is faster",
        "intra_op_threads": measure.num_cores(),
        "padding": "to the longest text of a batch",
        "tasks": 1,
        "versions": measure.versions("onnxruntime", "tokenizers", "numpy"),
    }


def _classifier(job: Job):
    import torch
    from transformers import BertModel

    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = BertModel.from_pretrained(
                job.encoder, add_pooling_layer=False, attn_implementation="eager"
            )
            labels = measure.labels(job, TASK)
            self.head = torch.nn.Linear(self.encoder.config.hidden_size, len(labels))

        def forward(self, input_ids, attention_mask):
            vectors = self.encoder(input_ids, attention_mask=attention_mask).last_hidden_state
            weights = attention_mask.unsqueeze(-1).to(vectors.dtype)
            pooled = (vectors * weights).sum(1) / weights.sum(1)
            return self.head(pooled).softmax(-1)

    return Classifier().eval()


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = measure.num_cores()
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _seconds(path: Path) -> float:
    """The best time of a batch of 32 texts of 32 word pieces."""
    session, ones = _session(path), np.ones((work.BATCH_SIZE, 32), np.int64)
    inputs = dict.fromkeys(INPUTS, ones)
    return min(measure.timed(lambda: session.run(None, inputs))[0] for _ in range(20))


def _fuse(job: Job, plain: Path, fused: Path) -> None:
    """Joins attention, layer norms and GELU, as ONNX Runtime documents it for BERT."""
    from onnxruntime.transformers import optimizer

    config = json.loads(Path(job.encoder, "config.json").read_text(encoding="utf-8"))
    optimizer.optimize_model(
        str(plain),
        model_type="bert",
        num_heads=config["num_attention_heads"],
        hidden_size=config["hidden_size"],
    ).save_model_to_file(str(fused))


if __name__ == "__main__":
    measure.main({work.ANSWER: answer, work.EXPORT: export}, settings)
