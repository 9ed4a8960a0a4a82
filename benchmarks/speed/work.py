"""What each row of the benchmark is, as values. Standard library only: every side reads it."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass

TASKS = ("topic", "sentiment")
MAX_LENGTH = 128  # word pieces
BATCH_SIZE = 32
LEARNING_RATES = {"heads": 1e-3, "encoder": 1e-4}
WEIGHT_DECAY = 0.01
DROPOUT = 0.1
VALIDATION_SHARE = 10  # every tenth text is held out

TRAIN, ANSWER, ONE_TEXT, TOKENIZE = "train", "answer", "one_text", "tokenize"
EXPORT, OPERATIONS, PEAK = "export", "operations", "peak"  # what the driver asks for itself
INFERENCE = (ANSWER, ONE_TEXT)


@dataclass(frozen=True)
class Encoder:
    """A shape that is measured.

    Args:
        name: as the table has it.
        folder: of its weights, in Hugging Face's format, among the inputs.
        num_blocks: transformer blocks.
    """

    name: str
    folder: str
    num_blocks: int


@dataclass(frozen=True)
class Stage:
    """What trains, and for how long. The heads always train.

    Args:
        top: how many of the uppermost blocks train; None: all, and the embeddings.
        epochs: passes over the training texts.
    """

    top: int | None
    epochs: int


@dataclass(frozen=True, kw_only=True)
class Work:
    """One row's work.

    Args:
        name: as the table has it.
        kind: `train`, `answer`, `one_text` or `tokenize`.
        stages: of training.
        percentile: of the seconds that one text takes.
    """

    name: str
    kind: str
    stages: tuple[Stage, ...] = ()
    percentile: int = 50


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Somebody else's way of doing the work.

    Args:
        name: as the table has it.
        script: of this folder.
        environment: folder of its packages in `build/peers`.
        variant: what the script is asked to be.
        kinds: kinds of work that it does.
        works: names of the works that it does, all of its kinds where empty.
        exports: whether what answers is written by a process of its own beforehand.
        keeps_memory: whether glibc keeps freed memory for it, as `mtl_keras` has it do.
    """

    name: str
    script: str
    environment: str = "torch"
    variant: str = ""
    kinds: tuple[str, ...] = (TRAIN,)
    works: tuple[str, ...] = ()
    exports: bool = False
    keeps_memory: bool = False

    def does(self, work: Work) -> bool:
        """Whether it has a row for this work."""
        return work.kind in self.kinds and (not self.works or work.name in self.works)


@dataclass(frozen=True, kw_only=True)
class Job:
    """Everything that a side's process needs to know: one measurement.

    Args:
        kind: as in `Work`, or `export`, `operations`, `peak`.
        data: folder of the texts.
        encoder: folder of the weights.
        exports: folder of what `export` wrote.
        scratch: empty folder for everything else, removed afterwards.
        stages: of training.
        percentile: of the seconds that one text takes.
        variant: as in `Peer`.
    """

    kind: str
    data: str
    encoder: str
    exports: str
    scratch: str = ""
    stages: tuple[Stage, ...] = ()
    percentile: int = 50
    variant: str = ""

    def to_json(self) -> str:
        """The job as an argument of a command."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """The job that `to_json` wrote."""
        fields = json.loads(text)
        stages = tuple(Stage(**stage) for stage in fields.pop("stages"))
        return cls(stages=stages, **fields)


ENCODERS = (Encoder("MiniLM-L6", "minilm", 6), Encoder("L-10 H-128", "l10_h128", 10))

HEADS = "heads only, 10 epochs"
TOP = "top block trains, 5 epochs"
HALF = "lowest half frozen, 3 epochs"
GRADUAL = "gradual, one block a stage, 6 stages"
FULL = "full fine-tuning, 1 epoch"
BATCHES = "inference, batches of 32"
TEXT_P50, TEXT_P99 = "inference, one text, p50", "inference, one text, p99"
TOKENIZATION = "tokenization alone"

STRONGEST = "PyTorch, strongest loop"
TUTORIAL = "PyTorch, tutorial loop"
ONNX = "ONNX Runtime, one task"
PIPELINES = "two Transformers pipelines"
FAST = "HF fast, 32 texts a call"

PEERS = (
    Peer(
        name=STRONGEST,
        script="torch_loops.py",
        variant="strongest",
        keeps_memory=True,
    ),
    Peer(
        name=ONNX,
        script="onnx_peer.py",
        kinds=INFERENCE,
        exports=True,
        keeps_memory=True,
    ),
    Peer(
        name=PIPELINES,
        script="pipelines_peer.py",
        kinds=(ANSWER,),
    ),
    Peer(
        name=FAST,
        script="tokenizers_peer.py",
        variant="32",
        kinds=(TOKENIZE,),
    ),
    Peer(
        name="HF fast, 1,024 texts a call",
        script="tokenizers_peer.py",
        variant="1024",
        kinds=(TOKENIZE,),
    ),
    Peer(
        name="sentence-transformers",
        script="sentence_transformers_peer.py",
        works=(HEADS,),
    ),
    Peer(name="PyTorch, dynamic padding", script="torch_loops.py", variant="dynamic"),
    Peer(name=TUTORIAL, script="torch_loops.py", variant="tutorial"),
    Peer(name="KerasHub, Keras fit", script="keras_hub_peer.py", environment="keras_hub"),
    Peer(
        name="flair, MultitaskModel",
        script="flair_peer.py",
        environment="flair",
        works=(FULL,),
    ),
)


def works(encoder: Encoder) -> tuple[Work, ...]:
    """The rows of one encoder, in the table's order.

    `gradual` is the first six stages of the package's plan of that name: the heads alone, then
    with the top block, then a block more each time. Tokenization depends on no encoder, so only
    the first has it.

    Example:

    >>> [stage.top for stage in works(ENCODERS[0])[3].stages]
    [0, 1, 2, 3, 4, 5]
    """
    upper_half = encoder.num_blocks - encoder.num_blocks // 2
    result = (
        _training(HEADS, Stage(0, 10)),
        _training(TOP, Stage(1, 5)),
        _training(HALF, Stage(upper_half, 3)),
        _training(GRADUAL, *(Stage(top, 1) for top in range(6))),
        _training(FULL, Stage(None, 1)),
        Work(name=BATCHES, kind=ANSWER),
        Work(name=TEXT_P50, kind=ONE_TEXT, percentile=50),
        Work(name=TEXT_P99, kind=ONE_TEXT, percentile=99),
    )
    return (*result, Work(name=TOKENIZATION, kind=TOKENIZE)) if encoder == ENCODERS[0] else result


def named(items: Collection, names: Collection[str]) -> list:
    """Those of these names, in their own order; all where no name is given.

    Raises:
        ValueError: a name that none has.
    """
    for name in names:
        if name not in [item.name for item in items]:
            existing = ", ".join(repr(item.name) for item in items)
            raise ValueError(f"there is no {name!r}; there are {existing}")
    return [item for item in items if not names or item.name in names]


def _training(name: str, *stages: Stage) -> Work:
    return Work(name=name, kind=TRAIN, stages=stages)
