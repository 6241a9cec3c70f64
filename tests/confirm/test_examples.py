"""The examples of the rules under ``--confirm``: bad ones show what they are examples of, good ones show nothing."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from losslint.rules import catalogue
from tests.confirm.test_confirming import losslint_process
from tests.expectations import expected

pytestmark = [pytest.mark.slow, pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed")]

# why an example is not confirmed
OPEN = {
    "ll104_bad_0": "SciPy need not be installed",
    "ll110_bad_0": "calls keras.losses.mean_absolute_error, which Keras 3 has under another name",
    "ll308_bad_0": "a product underflows for many classes; the inputs have three",
    "ll402_bad_1": "weights that nobody passes on show in what fit is given, not in the step",
    "ll502_bad_2": "only the second round of its loop fails; one is run",
}
ELSEWHERE = ("import torch", "import jax")


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[tuple[int, str], str]]:
    """Name of an example -> row and code of each warning and error -> its verdict."""
    folder = tmp_path_factory.mktemp("examples")
    for rule in catalogue().values():
        for kind in ("BAD", "GOOD"):
            for number, text in enumerate(getattr(rule, kind)):
                if not any(other in text for other in ELSEWHERE):
                    (folder / f"{rule.code}_{kind}_{number}.py".lower()).write_text(text.lstrip("\n"), encoding="utf-8")
    done = losslint_process("--confirm", "--isolated", "--severity", "info", "--output-format", "json", str(folder))
    assert done.returncode == 1, done.stderr
    found: dict[str, dict[tuple[int, str], str]] = {path.stem: {} for path in folder.glob("*.py")}
    for one in json.loads(done.stdout):
        loud = one["severity"] != "info"
        if loud or (one["location"]["row"], one["code"]) in expected((folder / Path(one["filename"]).name).read_text()):
            found[Path(one["filename"]).stem][one["location"]["row"], one["code"]] = one["verdict"]["status"]
    return found


def test_bad_examples_are_confirmed(verdicts: dict[str, dict[tuple[int, str], str]]) -> None:
    unconfirmed = {
        name: found for name, found in verdicts.items()
        if "_bad_" in name and not any(
            status == "confirmed" for (_, code), status in found.items() if code.lower() == name.partition("_")[0])
    }
    assert unconfirmed.keys() == OPEN.keys(), unconfirmed


def test_nothing_expected_is_refuted(verdicts: dict[str, dict[tuple[int, str], str]]) -> None:
    assert not {name: found for name, found in verdicts.items() if "refuted" in found.values()}


def test_good_examples_show_nothing(verdicts: dict[str, dict[tuple[int, str], str]]) -> None:
    assert not {name: found for name, found in verdicts.items() if "_good_" in name and "confirmed" in found.values()}
