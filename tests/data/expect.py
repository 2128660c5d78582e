from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bregman_exp.data import DataError


@contextmanager
def data_error(*parts: str | Path) -> Iterator[None]:
    """Expects a DataError whose message is one sentence with all these parts."""
    with pytest.raises(DataError) as caught:
        yield
    message = str(caught.value)
    assert message.endswith("."), message
    assert "\n" not in message
    assert ". " not in message, message
    for part in parts:
        assert str(part) in message, f"no {part} in: {message}"
