"""What an exception is told as: its own first line, whatever TensorFlow and Keras write around it."""

from __future__ import annotations

import pytest

from losslint.confirmation.failures import one_line

OF_LAYER = """Exception encountered when calling Dense.call().

\x1b[1mexpected axis -1 to have value 6, but received shape (8, 3)\x1b[0m

Arguments received by Dense.call():
  • kwargs=<class 'inspect._empty'>"""
SAID = "ValueError: expected axis -1 to have value 6, but received shape (8, 3)"


@pytest.mark.parametrize(("message", "told"), [
    ("two\nlines", "ValueError: two"), ("", "ValueError"), (OF_LAYER, SAID),
    (f'in user code:\n\n    File "losses.py", line 3, in loss  *\n        model(x)\n\n    ValueError: {OF_LAYER}', SAID),
    ("in user code:\n\n    ValueError: a symbol\n\n    ```\n    x = Input(...)\n    ```", "ValueError: a symbol"),
])
def test_one_line(message: str, told: str) -> None:
    assert one_line(ValueError(message)) == told
