"""The tables against what was measured under a tape (``measured.tsv``), and that file against the installed TensorFlow."""

from __future__ import annotations

import pytest

from losslint.ops.table import REMOVED, Api, lookup, operations
from tests.ops import measure
from tests.ops.measure import Row

ROWS = measure.read()
NUMERIC = {"same", "float", "complex", "tuple"}

# Measured in one small example, where the gradient happens to vanish or takes another way than the table says: (name, input)
EXPECTED: dict[tuple[str, str], str] = {}


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
        if (problem := disagreement(api, name, status)) and (api.name, name) not in EXPECTED
    ]
    assert wrong == []
