from .client import Client as Client
