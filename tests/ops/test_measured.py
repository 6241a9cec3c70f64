"""The tables against what was measured under a tape, and the committed measurements against the installed TensorFlow."""

from __future__ import annotations

import pytest

from losslint.ops.table import Api, lookup
from tests.ops import measure
from tests.ops.measure import Row

ROWS = measure.read()
MEASURED_ELSEWHERE = measure.MEASURED.with_name("measured_elsewhere.tsv")
NUMERIC = {"same", "float", "complex", "tuple"}

# Where a measurement and the table differ for a reason: (name or operation, input) -> reason
EXPECTED = {
    ("heaviside", "y"): "counts only where x is exactly 0",
    ("keras.utils.normalize", "x"): "the norm leaves the tape, the numerator stays on it",
    ("tf.dimension_value", "x"): "a number here, a dimension in real code",
}

# PyTorch and JAX: what the one measured call does not show
ONE_CALL = {
    "angle": "real numbers: complex ones have a slope",
    "imag": "real numbers: complex ones have a slope",
    "margin_loss": "beyond the margin",
    "random": "mean and deviation were constants",
    "vander": "written in place; the other frameworks differentiate it",
    "divmod": "the quotient, not the remainder",
    "histogramdd": "the bin edges, not the counts",
    "take_along_axis": "the indices were the input",
    "unravel_index": "floats as indices",
    "where": "the condition was the input",
    "slogdet": "the sign, not the logarithm",
    "zeta": "the first input",
    "polygamma": "the first input",
}


def disagreement(api: Api, name: str, status: str) -> str:
    """Why a measured status contradicts the table, "" when it does not."""
    operation = api.operation
    if api.framework == "numpy":
        keeps = status in ("FLOWS", "NAN", "ZERO")
        return "" if keeps == (api.note == "keeps the tape") else f"{status}, note {api.note!r}"
    flows = operation.flows_through(name)
    if status in ("FLOWS", "NAN"):
        return "" if flows else "FLOWS, but the table says it does not"
    if status in ("NONFLOAT", "LEAVES"):
        return "FLOWS expected" if flows and operation.result in NUMERIC and operation.family != "layer" else ""
    cut = {"NONE": "none", "ZERO": "zero", "LOOKUP": "raises"}.get(status, "")
    if cut and (flows or operation.cut != cut):
        return f"{status}, table: flows={flows} cut={operation.cut}"
    return ""


def rows() -> list[tuple[Api, Row]]:
    found = [(lookup(name), row) for name, row in ROWS.items()]
    return [(api, row) for api, row in found if api is not None]


def test_every_measured_name_is_in_a_table() -> None:
    assert [name for name in ROWS if lookup(name) is None] == []


def test_tables_say_what_was_measured() -> None:
    wrong = [
        f"{api.name} ({api.operation.name}) {name}: {problem}"
        for api, row in rows()
        for name, status in row.inputs.items()
        if (problem := disagreement(api, name, status))
        and not {(api.name, name), (api.operation.name, name)} & EXPECTED.keys()
    ]
    assert wrong == []


def elsewhere() -> list[tuple[str, str]]:
    """PyTorch and JAX: what a gradient with respect to the first input gave."""
    text = MEASURED_ELSEWHERE.read_text(encoding="utf-8")
    return [(name, status) for name, status in (row.split("\t") for row in text.splitlines() if row[0] != "#")]


def test_torch_and_jax_tables_say_what_was_measured() -> None:
    wrong = []
    for name, status in elsewhere():
        api = lookup(name)
        if api is None:
            continue
        operation = api.operation
        agrees = {
            "FLOWS": bool(operation.flows),
            "ZERO": operation.cut == "zero",
            "RAISES": operation.cut == "raises" and not operation.flows,
            "NONE": not operation.flows and operation.cut != "raises",
        }
        silent = operation.family in ("constant", "state", "shape") or operation.name in ONE_CALL
        if not agrees[status] and not silent:
            wrong.append(f"{name} ({operation.name}) {status}: flows={set(operation.flows)} cut={operation.cut}")
    assert wrong == []


def test_no_exception_is_left_over() -> None:
    met = {
        key
        for api, row in rows()
        for name, status in row.inputs.items()
        if disagreement(api, name, status)
        for key in ((api.name, name), (api.operation.name, name))
    }
    assert set(EXPECTED) <= met


@pytest.mark.slow
def test_measured_again() -> None:
    pytest.importorskip("tensorflow")
    if measure.versions() not in measure.MEASURED.read_text(encoding="utf-8"):
        pytest.skip(f"measured.tsv is of other versions than {measure.versions()}")
    again = measure.measure([api.name for api in measure.candidates()])
    changed = {name: row.line() for name, row in again.items() if name not in ROWS or ROWS[name].inputs != row.inputs}
    assert changed == {}
