"""What the notes of the table say of names is what the installed Keras has."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf

from losslint.ops.table import apis, lookup
from losslint.rules.removed_api import functions

HOMES = {"": (True, True), "keras only": (True, False), "tf.keras only": (False, True), "Keras 2": (False, False)}


@pytest.mark.parametrize("module", ["losses", "metrics", "backend", "objectives", "ops", "layers"])
def test_homes_of_names(module: str) -> None:
    prefix = f"keras.{module}."
    notes = {name.removeprefix(prefix): api.note for name, api in apis("keras").items() if name.startswith(prefix)}
    plain = {name: note for name, note in notes.items() if name.isidentifier()}
    homes = (getattr(keras, module, None), getattr(tf.keras, module, None))
    assert plain
    assert {name: tuple(hasattr(home, name) for home in homes) for name in plain} == {
        name: HOMES[note] for name, note in plain.items()}


MODULES = {"tf": tf, "tf.math": tf.math, "tf.nn": tf.nn, "keras": tf.keras, "keras.backend": tf.keras.backend,
           "keras.ops": keras.ops}  # fmt: skip


@pytest.mark.parametrize("home", MODULES)
def test_modules_are_complete(home: str) -> None:
    """What other modules compute with, and the table does not know of this one, it does not have."""
    missing = [name for name in functions() if lookup(f"{home}.{name}") is None]
    assert "hypot" in missing or home == "keras.ops"
    assert not [name for name in missing if hasattr(MODULES[home], name)]
