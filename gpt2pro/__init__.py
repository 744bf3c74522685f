__version__ = "0.1.0"

from gpt2pro.api import PUBLIC, load_public as __getattr__  # each name is imported when it is first used

__all__ = list(PUBLIC)


def __dir__() -> list[str]:
    return [*globals(), *PUBLIC]
