"""The tables against what was measured under a tape, and the committed measurements against the installed TensorFlow."""

from __future__ import annotations

import pytest

from losslint.ops.table import Api, lookup
from tests.ops import measure
from tests.ops.measure import Row

ROWS = measure.read()
NUMERIC = {"same", "float", "complex", "tuple"}

# Where a measurement and the table differ for a reason: (name or operation, input) -> reason
EXPECTED = {
    ("heaviside", "y"): "counts only where x is exactly 0",
    ("nextafter", "y"): "zero rather than None: both cut",
    ("histogram", "x"): "the bin edges follow the smallest and largest value, the counts do not",
    ("keras.utils.normalize", "x"): "the norm leaves the tape, the numerator stays on it",
    ("tf.dimension_value", "x"): "a number here, a dimension in real code",
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


@pytest.mark.slow
def test_measured_again() -> None:
    pytest.importorskip("tensorflow")
    if measure.versions() not in measure.MEASURED.read_text(encoding="utf-8"):
        pytest.skip(f"measured.tsv is of other versions than {measure.versions()}")
    again = measure.measure([api.name for api in measure.candidates()])
    changed = {name: row.line() for name, row in again.items() if name not in ROWS or ROWS[name].inputs != row.inputs}
    assert changed == {}
