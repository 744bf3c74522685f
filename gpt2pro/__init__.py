__version__ = "0.1.0"

# each public name is imported when it is first used
from gpt2pro.api import PUBLIC, load_public as __getattr__  # noqa: F401

__all__ = list(PUBLIC)


def __dir__() -> list[str]:
    return [*globals(), *PUBLIC]
