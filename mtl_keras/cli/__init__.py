"""The command `mtl-keras`."""
