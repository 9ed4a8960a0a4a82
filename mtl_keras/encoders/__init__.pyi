from .embedding_transformer import EmbeddingTransformer as EmbeddingTransformer
from .text_encoder import TextEncoder as TextEncoder
