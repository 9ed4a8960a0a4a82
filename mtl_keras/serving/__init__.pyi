from .client import Client as Client
from .saved_model import SavedModel as SavedModel
