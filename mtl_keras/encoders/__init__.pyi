from .embedding_transformer import EmbeddingTransformer as EmbeddingTransformer
from .levels import cut_above as cut_above
from .levels import levels_of as levels_of
from .levels import vectors_at as vectors_at
from .levels import without_pooler as without_pooler
from .text_encoder import TextEncoder as TextEncoder
