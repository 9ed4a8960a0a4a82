"""Three PyTorch/Transformers loops: the tutorials', with dynamic padding, and the strongest.

All three: one encoder, mean pooling, a linear head a task, the tasks' batches in turn, AdamW,
accuracy on the validation texts after every epoch, the weights of the best epoch kept on the disk,
put back at the end, evaluated and written. Frozen parameters have `requires_grad` False.
"""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

import measure
import torch
import work
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import AutoTokenizer, BertModel, PreTrainedTokenizerBase, logging
from transformers.masking_utils import create_bidirectional_mask
from work import Job, Stage

BATCHES_PER_GROUP = 50  # sorted by length together, as in Transformers' own `group_by_length`


@dataclass(frozen=True, kw_only=True)
class Loop:
    """How a loop is written.

    Args:
        padding: of a batch, to its `longest` text or to `max_length`.
        sorted_batches: whether texts of similar length share a batch.
        frozen_apart: whether frozen layers run under `no_grad` and without dropout.
        fused: whether AdamW is the fused one.
    """

    padding: str
    sorted_batches: bool = False
    frozen_apart: bool = False
    fused: bool = False


LOOPS = {
    "tutorial": Loop(padding="max_length"),
    "dynamic": Loop(padding="longest"),
    "strongest": Loop(padding="longest", sorted_batches=True, frozen_apart=True, fused=True),
}


@dataclass(frozen=True)
class Example:
    """A tokenized text and its class."""

    token_ids: list[int]
    label: int


Examples = Mapping[str, Sequence[Example]]  # by task


class Model(nn.Module):
    """One encoder with a linear head a task."""

    def __init__(self, folder: str, classes: Mapping[str, int], loop: Loop):
        super().__init__()
        self.encoder = BertModel.from_pretrained(folder, add_pooling_layer=False)
        width = self.encoder.config.hidden_size
        self.heads = nn.ModuleDict({task: nn.Linear(width, n) for task, n in classes.items()})
        self.dropout = nn.Dropout(work.DROPOUT)
        self.loop = loop

    def freeze(self, top: int | None) -> None:
        """Has everything train, or the heads and the `top` uppermost blocks alone."""
        self.requires_grad_(True)
        if top is not None:
            blocks = self.encoder.encoder.layer
            for part in (self.encoder.embeddings, *blocks[: len(blocks) - top]):
                part.requires_grad_(False)

    def train(self, mode: bool = True) -> "Model":
        """As in PyTorch; where frozen layers stand apart they are without dropout."""
        super().train(mode)
        for layer in self._layers if mode and self.loop.frozen_apart else ():
            layer.train(_trains(layer))
        return self

    def forward(self, task: str, token_ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """`(batch, length)` word pieces → logits `(batch, classes)`."""
        if self.loop.frozen_apart:
            vectors = self._vectors(token_ids, mask)
        else:
            vectors = self.encoder(token_ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(vectors.dtype)
        pooled = (vectors * weights).sum(1) / weights.sum(1)
        return self.heads[task](self.dropout(pooled))

    def _vectors(self, token_ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The encoder's output, with what is frozen under `no_grad`."""
        grad = torch.is_grad_enabled()
        embeddings, *blocks = self._layers
        with torch.set_grad_enabled(grad and _trains(embeddings)):
            vectors = embeddings(input_ids=token_ids)
            attended = create_bidirectional_mask(
                config=self.encoder.config, inputs_embeds=vectors, attention_mask=mask
            )
        for block in blocks:
            with torch.set_grad_enabled(grad and _trains(block)):
                vectors = block(vectors, attended)
        return vectors

    @property
    def _layers(self) -> list[nn.Module]:
        return [self.encoder.embeddings, *self.encoder.encoder.layer]


def train(job: Job) -> dict[str, float]:
    """Files → a trained model on the disk; validation accuracy by task."""
    torch.manual_seed(0)
    loop = LOOPS[job.variant]
    tokenizer = AutoTokenizer.from_pretrained(job.encoder)
    classes = {task: measure.labels(job, task) for task in work.TASKS}
    texts, held_out = (
        _examples(job, split, tokenizer, classes) for split in ("train", "validation")
    )
    model = Model(job.encoder, {task: len(names) for task, names in classes.items()}, loop)
    best, file, shuffle = -1.0, Path(job.scratch, "best.pt"), random.Random(0)
    for stage in job.stages:
        optimizer = _start(model, stage)
        for _ in range(stage.epochs):
            _train_epoch(model, optimizer, texts, shuffle)
            score = mean(_accuracy(model, held_out).values())
            if score > best:
                best = score
                torch.save(model.state_dict(), file)
    model.load_state_dict(torch.load(file))
    torch.save(model.state_dict(), Path(job.scratch, "model.pt"))
    return _accuracy(model, held_out)


def settings(job: Job) -> dict:
    """How the loop is written."""
    return {
        "loop": asdict(LOOPS[job.variant]),
        "optimizer": f"AdamW, {work.LEARNING_RATES}, weight decay {work.WEIGHT_DECAY}",
        "batch_size": work.BATCH_SIZE,
        "max_length": work.MAX_LENGTH,
        "threads": torch.get_num_threads(),
        "versions": measure.versions("torch", "transformers", "tokenizers"),
    }


def _trains(layer: nn.Module) -> bool:
    return next(layer.parameters()).requires_grad


def _examples(
    job: Job, split: str, tokenizer: PreTrainedTokenizerBase, classes: Mapping[str, Sequence[str]]
) -> Examples:
    results = {}
    for task, names in classes.items():
        texts, labels = measure.read(job, task, split)
        encoded = tokenizer(texts, truncation=True, max_length=work.MAX_LENGTH)["input_ids"]
        pairs = zip(encoded, labels, strict=True)
        results[task] = [Example(token_ids, names.index(label)) for token_ids, label in pairs]
    return results


def _start(model: Model, stage: Stage) -> torch.optim.AdamW:
    """Freezes for a stage; an optimizer for what trains."""
    model.freeze(stage.top)
    groups = [
        {"params": [p for p in part.parameters() if p.requires_grad], "lr": rate}
        for part, rate in (
            (model.heads, work.LEARNING_RATES["heads"]),
            (model.encoder, work.LEARNING_RATES["encoder"]),
        )
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, weight_decay=work.WEIGHT_DECAY, fused=model.loop.fused or None)


def _train_epoch(
    model: Model, optimizer: torch.optim.AdamW, texts: Examples, shuffle: random.Random
) -> None:
    model.train()
    for task, batch in _in_turn(texts, model.loop, shuffle):
        token_ids, mask, labels = _collate(batch, model.loop)
        loss = cross_entropy(model(task, token_ids, mask), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.inference_mode()
def _accuracy(model: Model, texts: Examples) -> dict[str, float]:
    """Accuracy by task."""
    model.eval()
    results = {}
    for task, examples in texts.items():
        ordered = _by_length(examples) if model.loop.sorted_batches else examples
        right = 0
        for batch in measure.batches(ordered):
            token_ids, mask, labels = _collate(batch, model.loop)
            right += int((model(task, token_ids, mask).argmax(-1) == labels).sum())
        results[task] = right / len(examples)
    return results


def _in_turn(
    texts: Examples, loop: Loop, shuffle: random.Random
) -> Iterator[tuple[str, Sequence[Example]]]:
    """One epoch: a batch of each task after the other."""
    by_task = [
        [(task, batch) for batch in _epoch_batches(examples, loop, shuffle)]
        for task, examples in texts.items()
    ]
    for turn in itertools.zip_longest(*by_task):
        yield from (batch for batch in turn if batch)


def _epoch_batches(
    examples: Sequence[Example], loop: Loop, shuffle: random.Random
) -> list[Sequence[Example]]:
    shuffled = shuffle.sample(examples, len(examples))
    if not loop.sorted_batches:
        return list(measure.batches(shuffled))
    groups = measure.batches(shuffled, work.BATCH_SIZE * BATCHES_PER_GROUP)
    result = [batch for group in groups for batch in measure.batches(_by_length(group))]
    return shuffle.sample(result, len(result))


def _by_length(examples: Sequence[Example]) -> list[Example]:
    return sorted(examples, key=lambda example: len(example.token_ids))


def _collate(
    batch: Sequence[Example], loop: Loop
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Word pieces and mask `(batch, length)`, and classes."""
    lengths = [len(example.token_ids) for example in batch]
    width = work.MAX_LENGTH if loop.padding == "max_length" else max(lengths)
    token_ids = torch.tensor(
        [example.token_ids + [0] * (width - len(example.token_ids)) for example in batch]
    )
    mask = torch.arange(width) < torch.tensor(lengths).unsqueeze(1)
    return token_ids, mask.long(), torch.tensor([example.label for example in batch])


if __name__ == "__main__":
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(measure.num_cores())
    measure.main({work.TRAIN: train}, settings)
