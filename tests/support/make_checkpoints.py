"""Makes `tests/checkpoints`: small random models as the original libraries write and answer them.

`python tests/support/make_checkpoints.py [FAMILY …]`, with transformers, sentence-transformers and
torch installed; the tests need none of them. Each folder holds the library's own files,
`expected.json`, which lists texts, and `expected.npz`: what the library makes of them (`token_ids`,
of `lengths`, `sequence`, `sentence`) and, in the two rows after theirs, of one token and of as many
as there are positions.
"""

import csv
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import tokenizers
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling

TESTS = Path(__file__).parents[1]
TICKETS = TESTS.parent / "mtl_keras/samples/tickets"
LENGTH = 48
TEXTS = [
    "a",
    "Naïve café, crème brûlée: déjà vu!",
    "我爱北京 and Tōkyō",
    "👍🏽 great, isn't it? I'll say we've WON 3-0; they'd lost.",
    "   three  spaces\tand a tab \n\n and lines \r\n ",
    "  's  't 12,345.67 x2 a_b @you #1 (U.S.) now...",
    "Order #48213 cost $3.50 — “half” of it, 50%",
    "end with a space ",
    "the quick brown fox " * 40,
]


def texts(split: str) -> list[str]:
    with (TICKETS / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)]


def wordpieces(folder: Path, lowercase: bool):
    """BERT's tokenizer, its 300 pieces learned from the sample tickets."""
    made = tokenizers.BertWordPieceTokenizer(lowercase=lowercase)
    made.train_from_iterator(texts("train")[:300], vocab_size=300, show_progress=False)
    made.save_model(str(folder))
    return transformers.BertTokenizerFast(
        vocab=str(folder / "vocab.txt"), do_lower_case=lowercase, model_max_length=LENGTH
    )


def distilbert(folder: Path):
    names = {"n_layers": 2, "n_heads": 4, "dim": 32, "hidden_dim": 64}
    tokenizer = wordpieces(folder, lowercase=True)
    config = transformers.DistilBertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=LENGTH, **names
    )
    model = randomized(transformers.DistilBertForMaskedLM(config))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return tokenizer, model.distilbert


def finbert(folder: Path):
    """In the format of PyTorch before 1.6, with a classifier, without a tokenizer's settings."""
    tokenizer = wordpieces(folder, lowercase=True)
    model = randomized(transformers.BertForSequenceClassification(small_bert(len(tokenizer))))
    model.config.save_pretrained(folder)
    weights = model.state_dict() | {"bert.embeddings.position_ids": torch.arange(LENGTH)[None]}
    torch.save(weights, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    return tokenizer, model.bert


def biobert(folder: Path):
    """Cased, with the heads of pre-training, as `torch.save` writes today."""
    tokenizer = wordpieces(folder, lowercase=False)
    model = randomized(transformers.BertForPreTraining(small_bert(len(tokenizer))))
    model.config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    settings = json.dumps({"do_lower_case": False, "model_max_length": LENGTH})
    (folder / "tokenizer_config.json").write_text(settings)
    return tokenizer, model.bert


def electra(folder: Path):
    """The discriminator, with its head, of the base size's kind: embeddings as wide as the rest."""
    tokenizer = wordpieces(folder, lowercase=True)
    config = small_bert(len(tokenizer), transformers.ElectraConfig, embedding_size=32)
    model = randomized(transformers.ElectraForPreTraining(config))
    model.save_pretrained(folder)
    return tokenizer, model.electra


def gpt2(folder: Path):
    """With sentence-transformers' settings, which take the last token's vector."""
    tokenizer = byte_pairs(folder)
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=4, n_positions=LENGTH
    )
    model = randomized(transformers.GPT2LMHeadModel(config))
    model.save_pretrained(folder)
    modules = [Transformer, Pooling]
    (folder / "1_Pooling").mkdir()
    Pooling(32, "lasttoken").save(str(folder / "1_Pooling"))
    listed = [
        {"idx": i, "name": str(i), "path": "1_Pooling" * i, "type": f"{m.__module__}.{m.__name__}"}
        for i, m in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(listed, indent=1))
    return tokenizer, model.transformer, "lasttoken"


def gpt_neo(folder: Path):
    """In shards; every second block sees eight tokens."""
    tokenizer = byte_pairs(folder)
    config = transformers.GPTNeoConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        attention_types=[[["global", "local"], 1]],
        window_size=8,
        max_position_embeddings=LENGTH,
    )
    model = randomized(transformers.GPTNeoForCausalLM(config))
    model.save_pretrained(folder, max_shard_size="60KB")
    return tokenizer, model.transformer, "mean"


def byte_pairs(folder: Path):
    """GPT-2's tokenizer, some merges learned from the sample tickets."""
    made = tokenizers.ByteLevelBPETokenizer()
    made.train_from_iterator(
        texts("train")[:300],
        vocab_size=400,
        special_tokens=["<|endoftext|>"],
        show_progress=False,
    )
    made.save_model(str(folder))
    tokenizer = transformers.GPT2Tokenizer(
        vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"), model_max_length=LENGTH
    )
    tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def small_bert(vocabulary_size: int, config=transformers.BertConfig, **more):
    """The configuration of BERT or of what has its names."""
    return config(
        **more,
        vocab_size=vocabulary_size,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=LENGTH,
    )


def randomized(model):
    """With weights so large that every part matters."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            norm = weight.ndim == 1 and name.endswith("weight")
            weight.copy_(norm + torch.randn(weight.shape) * 0.18)
    return model.eval()


FAMILIES = {
    function.__name__: function
    for function in (distilbert, finbert, biobert, gpt2, gpt_neo, electra)
}


def write_expected(folder: Path, tokenizer, model, pooling: str) -> None:
    """Every text alone, so without padding, through the library's own tokenizer and model."""
    chosen = [*texts("test")[:24], *TEXTS]
    pieces = [tokenize(tokenizer, text) for text in chosen]
    generator = np.random.default_rng(0)
    rows = [*pieces, *(generator.integers(5, 250, n).tolist() for n in (1, LENGTH))]
    with torch.no_grad():
        actual = [model(torch.tensor([row])) for row in rows]
    pooled = [f.pooler_output[0].numpy() for f in actual if f.get("pooler_output") is not None]
    np.savez_compressed(
        folder / "expected.npz",
        token_ids=np.concatenate(rows).astype(np.int32),
        lengths=np.array([len(row) for row in rows], np.int32),
        sequence=np.concatenate([f.last_hidden_state[0].numpy() for f in actual]),
        sentence=sentence_embeddings(folder, tokenizer, model, pooling, chosen),
        **({"pooled": np.stack(pooled)} if pooled else {}),
    )
    described = {
        "pooling": pooling.removesuffix("token"),
        "texts": chosen,
        "library": transformers.__version__,
    }
    text = json.dumps(described, ensure_ascii=False, indent=1)
    (folder / "expected.json").write_text(text + "\n", encoding="utf-8")


def tokenize(tokenizer, text: str) -> list[int]:
    return tokenizer(text, truncation=True, max_length=LENGTH, split_special_tokens=True).input_ids


def sentence_embeddings(folder: Path, tokenizer, model, pooling: str, chosen) -> np.ndarray:
    """By sentence-transformers, over the same files."""
    with tempfile.TemporaryDirectory() as temporary:
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        transformer = Transformer(temporary, max_seq_length=LENGTH)
        width = transformer.get_embedding_dimension()
        whole = SentenceTransformer(modules=[transformer, Pooling(width, pooling)])
        return whole.encode(chosen, batch_size=1, show_progress_bar=False).astype(np.float32)


def main() -> None:
    for name in sys.argv[1:] or FAMILIES:
        folder = TESTS / "checkpoints" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        tokenizer, model, *pooling = FAMILIES[name](folder)
        write_expected(folder, tokenizer, model, *(pooling or ["mean"]))
        print(name, sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()))


if __name__ == "__main__":
    main()
