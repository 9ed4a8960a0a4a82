from .advice import advise as advise
from .comparison import compare as compare
from .searching import search as search
