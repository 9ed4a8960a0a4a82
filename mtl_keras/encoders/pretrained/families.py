"""Tables that map the tensors of published models to the encoder's weights, one per family."""

import dataclasses

from mtl_keras.encoders.pretrained.family import Family, Layout

GELUS = {"gelu": False, "gelu_new": True, "gelu_pytorch_tanh": True}
HEADS = (r"cls\..*", r"(pre_)?classifier\..*", r"qa_outputs\..*")

KERAS = Layout(
    table="/embeddings",
    kernel="/kernel",
    bias="/bias",
    gamma="/gamma",
    beta="/beta",
    split_heads=True,
)
TORCH = Layout(
    table=".weight", kernel=".weight", bias=".bias", gamma=".weight", beta=".bias", transpose=True
)
# Like PyTorch, but with kernels as in Keras.
CONV1D = dataclasses.replace(TORCH, transpose=False)

TF_HUB_BERT = Family(
    name="TF Hub BERT",
    layout=KERAS,
    layers={
        "embeddings/token": "word_embeddings",
        "embeddings/position": "position_embedding",
        "embeddings/segment": "type_embeddings",
        "embeddings/norm": "embeddings/layer_norm",
        "block_{i}/query_key_value": "transformer/layer_{i}/self_attention/{part}",
        "block_{i}/attention_output": "transformer/layer_{i}/self_attention/attention_output",
        "block_{i}/attention_norm": "transformer/layer_{i}/self_attention_layer_norm",
        "block_{i}/intermediate": "transformer/layer_{i}/intermediate",
        "block_{i}/output": "transformer/layer_{i}/output",
        "block_{i}/output_norm": "transformer/layer_{i}/output_layer_norm",
        "pooler/dense": "pooler_transform",
    },
    parts=("query", "key", "value"),
    ignored=(r"(bert/)?cls/.*", r"Variable.*", r"do_lower_case", r"save_counter"),
    settings={"approximate_gelu": True, "norm_epsilon": 1e-12, "pooling": "pooler"},
)

HF_BERT = Family(
    name="Hugging Face BERT",
    model="BertModel",
    layout=TORCH,
    layers={
        "embeddings/token": "embeddings.word_embeddings",
        "embeddings/position": "embeddings.position_embeddings",
        "embeddings/segment": "embeddings.token_type_embeddings",
        "embeddings/norm": "embeddings.LayerNorm",
        "block_{i}/query_key_value": "encoder.layer.{i}.attention.self.{part}",
        "block_{i}/attention_output": "encoder.layer.{i}.attention.output.dense",
        "block_{i}/attention_norm": "encoder.layer.{i}.attention.output.LayerNorm",
        "block_{i}/intermediate": "encoder.layer.{i}.intermediate.dense",
        "block_{i}/output": "encoder.layer.{i}.output.dense",
        "block_{i}/output_norm": "encoder.layer.{i}.output.LayerNorm",
        "pooler/dense": "pooler.dense",
    },
    parts=("query", "key", "value"),
    ignored=(r".*position_ids", *HEADS),
    renamed={"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"},
    config_keys={
        "vocab_size": "vocabulary_size",
        "hidden_size": "hidden_dim",
        "num_hidden_layers": "num_layers",
        "num_attention_heads": "num_heads",
        "intermediate_size": "intermediate_dim",
        "max_position_embeddings": "max_position",
        "type_vocab_size": "num_segments",
        "layer_norm_eps": "norm_epsilon",
        "hidden_dropout_prob": "dropout",
    },
    written_keys={"attention_probs_dropout_prob": "dropout"},
    required={"position_embedding_type": "absolute", "is_decoder": False},
    activations=GELUS,
)

DISTILBERT = Family(
    name="DistilBERT",
    model="DistilBertModel",
    layout=TORCH,
    layers={
        "embeddings/token": "embeddings.word_embeddings",
        "embeddings/position": "embeddings.position_embeddings",
        "embeddings/norm": "embeddings.LayerNorm",
        "block_{i}/query_key_value": "transformer.layer.{i}.attention.{part}_lin",
        "block_{i}/attention_output": "transformer.layer.{i}.attention.out_lin",
        "block_{i}/attention_norm": "transformer.layer.{i}.sa_layer_norm",
        "block_{i}/intermediate": "transformer.layer.{i}.ffn.lin1",
        "block_{i}/output": "transformer.layer.{i}.ffn.lin2",
        "block_{i}/output_norm": "transformer.layer.{i}.output_layer_norm",
    },
    parts=("q", "k", "v"),
    ignored=(r".*position_ids", r"vocab_(transform|layer_norm|projector)\..*", *HEADS),
    config_keys={
        "vocab_size": "vocabulary_size",
        "dim": "hidden_dim",
        "n_layers": "num_layers",
        "n_heads": "num_heads",
        "hidden_dim": "intermediate_dim",
        "max_position_embeddings": "max_position",
        "dropout": "dropout",
    },
    written_keys={"attention_dropout": "dropout"},
    activation_key="activation",
    activations=GELUS,
    settings={"num_segments": 0, "norm_epsilon": 1e-12},
)

GPT = {"num_segments": 0, "normalize_first": True, "causal": True, "pooling": "last"}

GPT_2 = Family(
    name="GPT-2",
    model="GPT2Model",
    layout=CONV1D,
    layers={
        "embeddings/token": "wte",
        "embeddings/position": "wpe",
        "block_{i}/query_key_value": "h.{i}.attn.c_attn",
        "block_{i}/attention_output": "h.{i}.attn.c_proj",
        "block_{i}/attention_norm": "h.{i}.ln_1",
        "block_{i}/intermediate": "h.{i}.mlp.c_fc",
        "block_{i}/output": "h.{i}.mlp.c_proj",
        "block_{i}/output_norm": "h.{i}.ln_2",
        "final_norm": "ln_f",
    },
    ignored=(r"h\.\d+\.attn\.(masked_)?bias", r"(lm_head|score)\..*", *HEADS),
    config_keys={
        "vocab_size": "vocabulary_size",
        "n_embd": "hidden_dim",
        "n_layer": "num_layers",
        "n_head": "num_heads",
        "n_positions": "max_position",
        "layer_norm_epsilon": "norm_epsilon",
        "resid_pdrop": "dropout",
    },
    written_keys={"n_inner": "intermediate_dim", "attn_pdrop": "dropout", "embd_pdrop": "dropout"},
    required={
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "add_cross_attention": False,
    },
    activation_key="activation_function",
    activations=GELUS,
    settings=GPT,
    tokenizer="byte pairs",
)

GPT_NEO = Family(
    name="GPT-Neo",
    model="GPTNeoModel",
    layout=TORCH,
    layers={
        "embeddings/token": "wte",
        "embeddings/position": "wpe",
        "block_{i}/query_key_value": "h.{i}.attn.attention.{part}_proj",
        "block_{i}/attention_output": "h.{i}.attn.attention.out_proj",
        "block_{i}/attention_norm": "h.{i}.ln_1",
        "block_{i}/intermediate": "h.{i}.mlp.c_fc",
        "block_{i}/output": "h.{i}.mlp.c_proj",
        "block_{i}/output_norm": "h.{i}.ln_2",
        "final_norm": "ln_f",
    },
    parts=("q", "k", "v"),
    ignored=(r"h\.\d+\.attn\.attention\.(masked_)?bias", r"(lm_head|score)\..*", *HEADS),
    config_keys={
        "vocab_size": "vocabulary_size",
        "hidden_size": "hidden_dim",
        "num_layers": "num_layers",
        "num_heads": "num_heads",
        "max_position_embeddings": "max_position",
        "layer_norm_epsilon": "norm_epsilon",
        "resid_dropout": "dropout",
    },
    written_keys={
        "intermediate_size": "intermediate_dim",
        "attention_dropout": "dropout",
        "embed_dropout": "dropout",
    },
    windows=("attention_types", "window_size"),
    activation_key="activation_function",
    activations=GELUS,
    settings={**GPT, "scale_attention": False, "attention_bias": False},
    tokenizer="byte pairs",
)

ELECTRA = Family(
    name="ELECTRA",
    model="ElectraModel",
    layout=TORCH,
    layers=HF_BERT.layers,
    parts=HF_BERT.parts,
    ignored=(r".*position_ids", r"(discriminator|generator)_(predictions|lm_head)\..*", *HEADS),
    config_keys=HF_BERT.config_keys,
    required={"position_embedding_type": "absolute"},
    activations=GELUS,
)

HUGGING_FACE_FAMILIES = {
    "bert": HF_BERT,
    "distilbert": DISTILBERT,
    "gpt2": GPT_2,
    "gpt_neo": GPT_NEO,
    "electra": ELECTRA,
}
