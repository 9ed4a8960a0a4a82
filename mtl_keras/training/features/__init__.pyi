from .cache import FeatureCache as FeatureCache
