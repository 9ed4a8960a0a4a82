"""The tokenizer that a Hugging Face folder describes."""

import functools
from collections.abc import Callable
from pathlib import Path

from mtl_keras.encoders.pretrained.damage import read_json, reading
from mtl_keras.encoders.pretrained.own_settings import NORMALIZATIONS, read_own_settings
from mtl_keras.encoders.tokenizers.byte_pair import BytePairTokenizer
from mtl_keras.encoders.tokenizers.normalization import MAX_WORD, BertNormalization
from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer
from mtl_keras.encoders.tokenizers.wordpiece import UNKNOWN, WordpieceTokenizer
from mtl_keras.errors import InputError, shown
from mtl_keras.storage.regular_files import read_whole

SPECIAL_PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def _word_pieces(folder: Path) -> Callable[..., Tokenizer]:
    """A word-piece tokenizer: the vocabulary and its normalization, BERT's or our own."""
    config, fast = (
        read_json(file) if file.is_file() else {}
        for file in (folder / "tokenizer_config.json", folder / "tokenizer.json")
    )
    if own := read_own_settings(folder).get("normalization"):
        return functools.partial(
            WordpieceTokenizer,
            read_vocabulary(folder / "vocab.txt"),
            lowercase=config.get("do_lower_case", True),
            normalization=NORMALIZATIONS[own](),
        )
    normalizer, model = fast.get("normalizer") or {}, fast.get("model") or {}
    lowercase = config.get("do_lower_case", normalizer.get("lowercase", True))
    strips = config.get("strip_accents", normalizer.get("strip_accents"))
    chinese = config.get("tokenize_chinese_chars", normalizer.get("handle_chinese_chars", True))
    _check_supported(config, fast)
    _check_flags(lowercase, strips, chinese)
    _check_added(folder, config, fast)
    normalization = BertNormalization(
        strip_accents=bool(lowercase if strips is None else strips),
        split_chinese=bool(chinese),
        max_characters=model.get("max_input_chars_per_word", MAX_WORD),
    )
    vocabulary = _find_vocabulary(folder, fast)
    return functools.partial(
        WordpieceTokenizer, vocabulary, lowercase=lowercase, normalization=normalization
    )


def _check_supported(config: dict, fast: dict) -> None:
    """Raises `InputError` if texts are split in another way than BERT's."""
    normalizer, model = fast.get("normalizer") or {}, fast.get("model") or {}
    pre_tokenizer = fast.get("pre_tokenizer") or {}
    for setting, value, supported in (
        ("word_tokenizer_type", config.get("word_tokenizer_type", "basic"), "basic"),
        ("normalizer", normalizer.get("type", "BertNormalizer"), "BertNormalizer"),
        ("do_basic_tokenize", config.get("do_basic_tokenize", True), True),
        ("never_split", config.get("never_split") or [], []),
        ("clean_text", normalizer.get("clean_text", True), True),
        ("pre_tokenizer", pre_tokenizer.get("type", "BertPreTokenizer"), "BertPreTokenizer"),
        ("unk_token", model.get("unk_token", UNKNOWN), UNKNOWN),
        ("continuing_subword_prefix", model.get("continuing_subword_prefix", "##"), "##"),
    ):
        if value != supported:
            raise InputError(
                f"the tokenizer has {setting} {shown(value)}; supported: {supported!r}"
            )


def _check_flags(lowercase: object, strips: object, chinese: object) -> None:
    """Raises `InputError` for settings that are neither true nor false."""
    flags = {"do_lower_case": lowercase, "tokenize_chinese_chars": chinese}
    if strips is not None:
        flags["strip_accents"] = strips
    for setting, value in flags.items():
        if not isinstance(value, bool):
            raise InputError(f"the tokenizer has {setting} {shown(value)}; expected true or false")


def _check_added(folder: Path, config: dict, fast: dict) -> None:
    """Raises `InputError` for added tokens, which are found in texts before word pieces are."""
    file = folder / "added_tokens.json"
    listed = [
        *(fast.get("added_tokens") or []),
        *(config.get("added_tokens_decoder") or {}).values(),
    ]
    with reading("the list of added tokens"):
        added = {str(token["content"]): bool(token.get("special")) for token in listed}
    if file.is_file():
        added |= dict.fromkeys(read_json(file), False)
    ordinary = [
        token
        for token, is_special in added.items()
        if not is_special and token not in SPECIAL_PIECES
    ]
    if ordinary:
        raise InputError(
            f"the tokenizer has added tokens ({shown(ordinary[0])}), which would be split like "
            "other words; supported: only BERT's word pieces"
        )


def _find_vocabulary(folder: Path, fast: dict) -> list[str]:
    if (folder / "vocab.txt").is_file():
        return read_vocabulary(folder / "vocab.txt")
    model = fast.get("model") or {}
    if model.get("type") != "WordPiece":
        raise InputError("has no vocabulary: neither vocab.txt nor a WordPiece tokenizer.json")
    with reading("tokenizer.json"):
        return sorted(model["vocab"], key=model["vocab"].__getitem__)


def read_vocabulary(file: Path) -> list[str]:
    """The lines of a `vocab.txt`, in the order of their ids.

    Raises:
        InputError: the file is missing, too large, or not UTF-8.
    """
    with reading(file.name):
        lines = read_whole(file).decode("utf-8").removesuffix("\n").split("\n")
    return [line.removesuffix("\r") for line in lines]


def _byte_pairs(folder: Path) -> Callable[..., Tokenizer]:
    """A byte-pair tokenizer, from `vocab.json` and `merges.txt` or from `tokenizer.json`."""
    config, fast = (
        read_json(file) if file.is_file() else {}
        for file in (folder / "tokenizer_config.json", folder / "tokenizer.json")
    )
    blank = config.get("add_prefix_space") or (fast.get("pre_tokenizer") or {}).get(
        "add_prefix_space"
    )
    added = config.get("add_bos_token") or (fast.get("post_processor") or {}).get("special_tokens")
    for setting, value in (("add_prefix_space", blank), ("special tokens around a text", added)):
        if value:
            raise InputError(f"the tokenizer has {setting} ({value!r}); supported: none")
    if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        vocabulary, merges = read_json(folder / "vocab.json"), read_merges(folder / "merges.txt")
    else:
        vocabulary, merges = _fast_byte_pairs(fast)
    with reading("the vocabulary"):
        pieces = sorted(vocabulary, key=vocabulary.__getitem__)
        if [vocabulary[piece] for piece in pieces] != list(range(len(pieces))):
            raise InputError(f"the vocabulary's {len(pieces)} ids are not 0, 1, 2, …")
    newer = read_own_settings(folder).get("newer_letters", True)
    return functools.partial(BytePairTokenizer, pieces, merges, newer_letters=newer)


def _fast_byte_pairs(fast: dict) -> tuple[dict[str, int], list[str]]:
    model = fast.get("model") or {}
    if model.get("type") != "BPE" or model.get("ignore_merges") or model.get("byte_fallback"):
        raise InputError(
            "has no vocabulary: neither vocab.json with merges.txt nor a BPE tokenizer.json "
            "without ignore_merges and byte_fallback"
        )
    with reading("tokenizer.json"):
        merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
        added = {token["content"]: token["id"] for token in fast.get("added_tokens", ())}
        return model["vocab"] | added, merges


def read_merges(file: Path) -> list[str]:
    """The merges in a file: one pair per line, below a line with the version."""
    lines = read_vocabulary(file)
    return [line for line in lines if line and not line.startswith("#version")]


TOKENIZERS = {"word pieces": _word_pieces, "byte pairs": _byte_pairs}
