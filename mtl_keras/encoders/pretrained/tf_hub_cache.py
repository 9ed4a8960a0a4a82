"""Finds the folder of a TF Hub module in its cache, or downloads it and unpacks it safely."""

import urllib.error
import urllib.request
import warnings
from pathlib import Path

import tensorflow as tf

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports the deprecated pkg_resources
    import tensorflow_hub
    from tensorflow_hub import compressed_module_resolver, resolver

from mtl_keras.encoders.pretrained.archives import unpack
from mtl_keras.errors import InputError
from mtl_keras.storage.refusals import cause


def resolve(handle: str) -> Path:
    """The folder of a module.

    Like `tensorflow_hub.resolve`, with its cache (`TFHUB_CACHE_DIR`) and locks. In addition,
    archives that are too large, or would write outside of the folder, are refused (`unpack`).

    Args:
        handle: the module's address, `https://…`.

    Raises:
        InputError: the module cannot be fetched, or its archive is refused.
    """
    bounded = _BoundedResolver()
    fetch = bounded if bounded.is_supported(handle) else tensorflow_hub.resolve
    try:
        return Path(fetch(handle))
    except InputError as error:
        raise InputError(f"cannot be fetched: {error}") from None
    except (OSError, ValueError, EOFError, tf.errors.OpError) as error:
        cure = (
            "check the handle and the network, or give the path of a folder that holds the "
            "SavedModel"
        )
        raise InputError(f"cannot be fetched: {cause(error, cure)}") from None


class _BoundedResolver(compressed_module_resolver.HttpCompressedFileResolver):
    """Downloads archives over HTTP and unpacks them with `unpack`."""

    def __call__(self, handle: str) -> str:
        def download(handle: str, folder: str) -> None:
            request = urllib.request.Request(self._append_compressed_format_query(handle))
            try:
                with self._call_urlopen(request) as response:
                    unpack(response, Path(folder))
            except urllib.error.HTTPError as error:
                error.close()  # the error holds the response, with its socket
                raise

        folder = compressed_module_resolver._module_dir(handle)
        return resolver.atomic_download(handle, download, folder, self._lock_file_timeout_sec())
