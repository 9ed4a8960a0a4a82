from .file_cache import remembered as remembered
from .files import write_whole as write_whole
from .locks import one_writer as one_writer
