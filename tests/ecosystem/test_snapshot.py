"""The comparison itself, on a package made here; what needs the network runs with ``python -m tests.ecosystem``."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

from tests.ecosystem.__main__ import check
from tests.ecosystem.observe import observed
from tests.ecosystem.packages import Package, known, pinned, unpack
from tests.ecosystem.prove import judge, module_of
from tests.ecosystem.snapshot import SNAPSHOTS, Entry, Snapshot, compare, read, update, write

FOUND = Entry("pack/losses.py", 7, "LL301", "warning", "entropy", "tf.math.log(p)")
REVIEWED = replace(FOUND, input='p = 0, "softmax" underflows', failure="NaN gradient", proof="rows_of_zeros")
OTHER = replace(REVIEWED, line=9)


def test_what_was_reviewed_passes() -> None:
    assert not compare(Snapshot((REVIEWED,)), [FOUND]).failed


def test_new_gone_and_unreviewed_fail() -> None:
    assert compare(Snapshot(), [FOUND]).new == (FOUND,)
    assert compare(Snapshot((REVIEWED,)), []).gone == (REVIEWED,)
    assert compare(Snapshot((FOUND,)), [FOUND]).unreviewed == (FOUND,)
    for snapshot, found in ((Snapshot(), [FOUND]), (Snapshot((REVIEWED,)), []), (Snapshot((FOUND,)), [FOUND])):
        assert compare(snapshot, found).failed


def test_a_review_needs_an_input_what_it_leads_to_and_a_proof() -> None:
    assert REVIEWED.reviewed
    for lacking in (replace(REVIEWED, input=""), replace(REVIEWED, failure=""), replace(REVIEWED, proof="")):
        assert not lacking.reviewed
    assert replace(REVIEWED, proof="", unproved="needs a GPU").reviewed


def test_what_is_wanted_never_fails_but_is_counted() -> None:
    snapshot = Snapshot((REVIEWED,), (OTHER,))
    assert compare(snapshot, [FOUND]).missing == (OTHER,)
    assert not compare(snapshot, [FOUND]).failed
    assert compare(snapshot, [FOUND, replace(FOUND, line=9)]).missing == ()


def test_infos_are_held_where_the_snapshot_names_them() -> None:
    info, reviewed = (replace(entry, severity="info") for entry in (FOUND, REVIEWED))
    assert not compare(Snapshot(), [info]).failed
    assert update(Snapshot(), [info]) == Snapshot()
    assert not compare(Snapshot((reviewed,)), [info]).failed
    assert compare(Snapshot((reviewed,)), []).gone == (reviewed,)
    assert update(Snapshot((), (reviewed,)), [info]) == Snapshot((reviewed,))


def test_an_update_keeps_the_reviews_of_what_did_not_change() -> None:
    moved = replace(FOUND, line=8)
    assert update(Snapshot((REVIEWED,)), [FOUND]) == Snapshot((REVIEWED,))
    assert update(Snapshot((REVIEWED,)), [moved]) == Snapshot((moved,))
    assert update(Snapshot((), (OTHER,)), [replace(FOUND, line=9)]) == Snapshot((OTHER,))


def test_a_snapshot_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "pack.toml"
    snapshot = Snapshot((REVIEWED, replace(FOUND, expression='f("ü\\n")')), (OTHER,))
    write(file, snapshot)
    assert read(file) == snapshot
    write(file, Snapshot())
    assert not file.exists()
    assert read(file) == Snapshot()


def test_a_wheel_is_unpacked_and_checked(tmp_path: Path) -> None:
    wheel = tmp_path / "wheels" / "pack-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    loss = "import tensorflow as tf\n\ndef my_loss(y_true, y_pred):\n    return tf.reduce_mean(\n        tf.round(y_pred))\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pack/losses.py", loss)
        archive.writestr("../outside.py", loss)
    (sha256,) = known(wheel.parent)
    package = Package("pack", "1.0", sha256)
    unpack(wheel, package.root(tmp_path))
    assert not (tmp_path / "outside.py").exists()
    outcome = check(package, tmp_path)
    assert outcome.losses == 2
    assert {found.expression for found in outcome.found if found.severity != "info"} == {"tf.round(y_pred)"}
    assert (5, "LL105") in {(found.line, found.code) for found in outcome.found}


def test_a_claim_is_judged_by_what_was_seen() -> None:
    assert judge(REVIEWED, {"rows_of_zeros": ["NaN gradient"]})[0] == "shown"
    assert judge(REVIEWED, {"rows_of_zeros": ["fine"]})[0] == "not shown"
    assert judge(REVIEWED, {})[0] == "not shown"
    assert judge(replace(REVIEWED, proof="", unproved="needs a GPU"), {}) == ("not run", "needs a GPU")


def test_what_a_run_shows() -> None:
    nan = float("nan")
    assert observed(lambda: (1.0, [2.0])) == ["fine"]
    assert observed(lambda: (nan, [nan, float("inf")])) == ["NaN loss", "NaN gradient", "infinite gradient"]
    assert observed(lambda: (1.0, None)) == ["no gradient"]
    assert observed(lambda: (1.0, [0.0])) == ["zero gradient"]
    assert observed(lambda: (1 / 0, None)) == ["raises ZeroDivisionError"]


def test_every_snapshot_is_of_a_pinned_package_and_names_proofs_that_exist() -> None:
    for file in SNAPSHOTS.glob("*.toml"):
        assert file.stem in pinned()
        snapshot = read(file)
        text = (Path(__file__).parent / "proofs" / f"{module_of(file.stem).rpartition('.')[2]}.py").read_text()
        for found in (*snapshot.found, *snapshot.wanted):
            assert found.reviewed, f"{file.name}: {found.path}:{found.line} is not reviewed"
            assert not found.proof or f"def {found.proof}(" in text, f"{file.name}: no proof {found.proof}"
