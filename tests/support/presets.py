"""Small random presets, written by KerasHub itself."""

import csv
import io
import json
from pathlib import Path
from types import ModuleType

from support.places import CHECKPOINTS, TICKETS

LENGTH = 24  # of the position tables
GPT_2 = CHECKPOINTS / "gpt2"
SHAPE = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 24}
BERT = {"pad": "[PAD]", "unk": "[UNK]", "bos": "[CLS]", "eos": "[SEP]"}
ROBERTA = ("<s>", "<pad>", "</s>", "<unk>")


def write_preset(keras_hub: ModuleType, kind: str, folder: Path, **settings) -> Path:
    """A backbone with its tokenizer, such as `Roberta`; settings change the backbone's."""
    import keras

    keras.utils.set_random_seed(0)
    tokenizer = make_tokenizer(keras_hub, kind)
    size = {"vocab_size" if kind == "Electra" else "vocabulary_size": tokenizer.vocabulary_size()}
    shape = SHAPE | size | {"max_sequence_length": LENGTH} | EXTRA.get(kind, {}) | settings
    backbone = getattr(keras_hub.models, f"{kind}Backbone")(**shape)
    for weight in backbone.weights:  # biases and norms as well, that each shows
        weight.assign_add(keras.random.normal(weight.shape, stddev=0.1))
    backbone.save_to_preset(str(folder))
    tokenizer.save_to_preset(str(folder))
    return folder


def make_tokenizer(keras_hub: ModuleType, kind: str):
    """KerasHub's own; the same each time."""
    return TOKENIZERS[kind](getattr(keras_hub.models, f"{kind}Tokenizer"))


def _texts() -> list[str]:
    with (TICKETS / "train.csv").open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)][:300]


def _word_pieces(make):
    letters = [chr(number) for number in range(ord("!"), 127) if not chr(number).isupper()]
    pieces = [
        *BERT.values(),
        "[MASK]",
        *letters,
        *(f"##{letter}" for letter in letters),
        "the",
        "naive",
        "cafe",
    ]
    return make(vocabulary=pieces, lowercase=True, strip_accents=True)


def _byte_pairs(make):
    learned = json.loads((GPT_2 / "vocab.json").read_text(encoding="utf-8"))
    pieces = sorted(learned, key=learned.__getitem__)
    ids = {piece: index for index, piece in enumerate([*ROBERTA, *pieces, "<mask>"])}
    merges = (GPT_2 / "merges.txt").read_text(encoding="utf-8").splitlines()
    return make(vocabulary=ids, merges=[merge for merge in merges if not merge.startswith("#")])


def sentence_pieces(settings: dict) -> bytes:
    """A SentencePiece model of 300 pieces, learned from the sample tickets."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*_texts(), *["naïve café, crème brûlée: déjà vu!"] * 9]),
        model_writer=written,
        vocab_size=300,
        minloglevel=2,
        **settings,
    )
    return written.getvalue()


BERT_MODEL = {f"{name}_piece": piece for name, piece in BERT.items()}
BERT_MODEL |= {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}
FAIRSEQ_MODEL = {"unk_id": 0, "bos_id": 1, "eos_id": 2}
ALBERT_MODEL = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1}
ALBERT_MODEL |= {"control_symbols": "[CLS],[SEP],[MASK]"}
TOKENIZERS = {
    "Bert": _word_pieces,
    "DistilBert": _word_pieces,
    "Electra": _word_pieces,
    "Roberta": _byte_pairs,
    "XLMRoberta": lambda make: make(proto=sentence_pieces(FAIRSEQ_MODEL)),
    "Albert": lambda make: make(proto=sentence_pieces(ALBERT_MODEL)),
    "DebertaV3": lambda make: make(proto=sentence_pieces(BERT_MODEL)),
}
EXTRA = {
    "Electra": {"embedding_dim": 8},
    "Albert": {"embedding_dim": 8, "num_layers": 4, "num_groups": 2},
    "DebertaV3": {"bucket_size": 8, "num_layers": 3},
}
