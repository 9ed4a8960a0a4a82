from .file_cache import remembered as remembered
from .locks import one_writer as one_writer
from .writing import write_whole as write_whole
