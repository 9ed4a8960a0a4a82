from .train_recipe import train as train
