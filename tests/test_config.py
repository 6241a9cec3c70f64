"""Settings files: where they are found, what they may say, and how they are told off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from losslint import session
from losslint.check import keras_version
from losslint.config import (
    ConfigError,
    Settings,
    detect_keras_version,
    find,
    load,
    options,
    project_root,
    read_code,
    resolve,
    schema,
)
from losslint.findings import Finding, Location, Severity
from losslint.project.files import discover
from losslint.report.listing import settings_json, settings_text, toml
from losslint.target import parse_toml

CODES = {"LL101": "numpy-on-tensor", "LL102": "tensor-to-python", "LL201": "tensor-condition", "LL301": "unguarded-log"}


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def finding(code: str, path: str = "a.py") -> Finding:
    return Finding(code, "name", Severity.WARNING, "m", "h", Path(path), Location(1, 1), Location(1, 2))


EVERYTHING = """
select = ["LL1", "ALL"]
ignore = ["ll101"]
extend-select = ["LL301"]
severity = "info"
exclude = ["old"]
extend-exclude = ["*_pb2.py"]
force-exclude = true
loss-functions = ["pkg.objectives.*"]
not-loss-functions = ["*.plot"]
keras-version = 2
modes = ["fit", "tf.function", "eager"]
per-file-ignores = {"tests/*" = ["LL3"]}
severity-overrides = {LL301 = "error"}
inputs = {"losses.py::dice" = {y_pred = "float32[8, 3] in [0, 1]", gamma = 2.0}}
respect-gitignore = false
prefilter = false
"""


def test_every_setting_can_be_set(tmp_path: Path) -> None:
    file = written(tmp_path / "losslint.toml", EVERYTHING)
    assert load(file, CODES) == Settings(
        select=("LL1", "LL"), ignore=("LL101",), extend_select=("LL301",), severity=Severity.INFO, exclude=("old",),
        extend_exclude=("*_pb2.py",), force_exclude=True,
        loss_functions=("pkg.objectives.*",), not_loss_functions=("*.plot",),
        keras_version=2, modes=("fit", "tf.function", "eager"), per_file_ignores={"tests/*": ("LL3",)},
        severity_overrides={"LL301": Severity.ERROR}, respect_gitignore=False, prefilter=False, root=tmp_path,
        inputs={"losses.py::dice": {"y_pred": "float32[8, 3] in [0, 1]", "gamma": 2.0}}, source=file)
    assert all(f"\n{key} = " in EVERYTHING for key in options())


@pytest.mark.parametrize("key", options())
def test_every_setting_is_documented_by_an_example_that_loads(key: str, tmp_path: Path) -> None:
    metadata = options()[key].metadata
    assert metadata["help"].endswith(".")
    load(written(tmp_path / "losslint.toml", f"{key} = {metadata['example']}\n"), session.CODES)


def test_the_schema_accepts_what_the_program_accepts(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    check = jsonschema.Draft202012Validator(schema())
    check.check_schema(schema())
    assert schema()["properties"].keys() == {*options(), "extend"}
    check.validate(parse_toml(EVERYTHING + 'extend = "base.toml"\n'))
    for key, option in options().items():
        check.validate(parse_toml(f"{key} = {option.metadata['example']}"))
        assert check.is_valid({key: schema()["properties"][key]["default"]})


@pytest.mark.parametrize("text", [
    "selct = []", 'select = "LL1"', 'select = ["F401"]', 'severity = "warn"', "keras-version = 4", 'modes = ["graph"]',
    "respect-gitignore = 1", 'per-file-ignores = {"a" = "LL1"}', 'severity-overrides = {LL301 = "eror"}',
    'severity-overrides = {x = "info"}', "extend = 1",
])  # fmt: skip
def test_the_schema_refuses_what_the_program_refuses(text: str, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    assert not jsonschema.Draft202012Validator(schema()).is_valid(parse_toml(text))
    with pytest.raises(ConfigError):
        load(written(tmp_path / "losslint.toml", text), CODES)


@pytest.mark.parametrize(("text", "message"), [
    ('selct = ["LL1"]', "unknown key 'selct'; did you mean 'select'?"),
    ("extends = 'x'", "unknown key 'extends'; did you mean 'extend'?"),
    ("qqqqq = 1", "unknown key 'qqqqq'"),
    ("tool.losslint.select = []", "unknown key 'tool'; here keys stand at the top, without [tool.losslint]"),
    ('select = "LL1"', "select: must be a list of rule codes, not 'LL1'"),
    ("select = [1]", "select: must be a list of rule codes, not [1]"),
    ('select = ["LL309"]', "select: unknown rule code 'LL309'; `losslint rule --all` lists"),
    ('ignore = ["F401"]', "ignore: unknown rule code 'F401'; `losslint rule --all` lists the rules"),
    ('ignore = ["unguarded-log"]', "ignore: unknown rule code 'unguarded-log'; did you mean 'LL301'?"),
    ('ignore = ["ungarded-log"]', "ignore: unknown rule code 'ungarded-log'; did you mean 'LL301'?"),
    ('ignore = ["???"]', "ignore: unknown rule code '???'; `losslint rule --all` lists the rules"),
    ('ignore = [""]', "ignore: unknown rule code ''; `losslint rule --all` lists the rules"),
    ('severity = "warn"', "severity: unknown severity 'warn'; did you mean 'warning'?"),
    ("severity = 2", "severity: must be \"auto\", info, warning or error, not 2"),
    ('severity = "off"', "severity: unknown severity 'off'; write one of info, warning, error"),
    ('select = ["LL1O1"]', "select: unknown rule code 'LL1O1'; did you mean 'LL101'?"),
    ('exclude = ["../x"]', "exclude: '../x' leads out of the folder that file patterns start from"),
    (r"extend-exclude = ['src\a.py']", r"extend-exclude: 'src\\a.py': write / between folders"),
    ('per-file-ignores = {"" = []}', "per-file-ignores: '' matches no file"),
    ('per-file-ignores = {"!" = []}', "per-file-ignores: '!' matches no file"),
    ('per-file-ignores = {"[a" = []}', "per-file-ignores: '[a' matches no file"),
    ('per-file-ignores = {"# x" = []}', "per-file-ignores: '# x' matches no file"),
    ('inputs = {"a.py::f" = {x = 1979-05-27}}', "inputs: 'a.py::f': 'x': must be a string, a number, true, false, a list"),
    ('inputs = {"a.py::f" = {x = [1, [07:32:00]]}}', "inputs: 'a.py::f': 'x': must be a string, a number,"),
    ('inputs = {"a.py::f" = {x = "int32[8] in [0, inf]"}}', "must be two finite numbers, the lower one first"),
    (f"severity = 0x{'f' * 5000}", "severity: must be"),
    ("keras-version = 4", "keras-version: must be \"auto\", 2 or 3, not 4"),
    ("keras-version = true", "keras-version: must be \"auto\", 2 or 3, not True"),
    ('modes = ["graph"]', "modes: unknown mode 'graph'"),
    ('modes = ["tf.fuction"]', "modes: unknown mode 'tf.fuction'; did you mean 'tf.function'?"),
    ("respect-gitignore = 1", "respect-gitignore: must be true or false, not 1"),
    ('per-file-ignores = ["LL1"]', "per-file-ignores: must be a table of file pattern = list of rule codes"),
    ('per-file-ignores = {"a" = "LL1"}', "per-file-ignores: must be a table of file pattern = list of rule codes"),
    ('severity-overrides = {LL777 = "error"}', "severity-overrides: unknown rule code 'LL777'"),
    ('severity-overrides = {LL301 = "eror"}', "severity-overrides: unknown severity 'eror'; did you mean 'error'?"),
    ('inputs = {"a.py::f" = "float32[8]"}', "inputs: must be a table of file::loss = table of argument = input"),
    ('inputs = {"dice" = {}}', "inputs: 'dice' names no loss; write it like 'losses.py::dice_loss'"),
    ('inputs = {"a.py::f" = {x = "eight"}}', "inputs: 'a.py::f': 'x': 'eight' is no input; write it like"),
    ("severity-overrides = 1", "severity-overrides: must be a table of rule code = severity, not 1"),
    ("extend = 1", "`extend` must be the path of another settings file"),
    ('extend = "gone.toml"', "gone.toml: cannot be read: No such file or directory"),
    ('extend = "losslint.toml"', "`extend` comes back to this file"),
    ("select = [", "not valid TOML: "),
])  # fmt: skip
def test_a_bad_setting_is_one_line_with_file_and_key(text: str, message: str, tmp_path: Path) -> None:
    file = written(tmp_path / "losslint.toml", text)
    with pytest.raises(ConfigError) as caught:
        load(file, CODES)
    line = str(caught.value)
    assert message in line
    assert line.startswith(str(tmp_path))
    assert "\n" not in line


def test_undecodable_file(tmp_path: Path) -> None:
    (tmp_path / "losslint.toml").write_bytes(b"select = ['\xff']")
    with pytest.raises(ConfigError, match=r"losslint\.toml: not valid TOML: 'utf-8' codec"):
        load(tmp_path / "losslint.toml", CODES)


def test_a_pyproject_in_utf_16_is_an_error_and_not_silence(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes("[tool.losslint]\n".encode("utf-16"))
    with pytest.raises(ConfigError, match=r"pyproject\.toml: not valid TOML: 'utf-8' codec"):
        find(tmp_path)


def test_the_nearest_file_wins(tmp_path: Path) -> None:
    top = written(tmp_path / "pyproject.toml", "[tool.losslint]\n")
    near = written(tmp_path / "pkg/pyproject.toml", "[tool.losslint]\n")
    written(tmp_path / "pkg/sub/pyproject.toml", "[tool.other]\n")
    written(tmp_path / "pkg/broken/pyproject.toml", "not toml\n")
    written(tmp_path / "pkg/dev/pyproject.toml", "[project]\ndependencies = ['losslint']\n")
    assert find(tmp_path) == find(tmp_path / "a.py") == find(tmp_path / "other/deeper") == top
    assert find(tmp_path / "pkg/a.py") == find(tmp_path / "pkg/sub") == find(tmp_path / "pkg/broken") == near
    assert find(tmp_path / "pkg/dev") == near
    own = written(tmp_path / "pkg/losslint.toml", "")
    assert find(tmp_path / "pkg/sub/x.py") == own


def test_parent_folders_given_as_dots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path / "losslint.toml", "")
    (tmp_path / "a/b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a/b")
    assert find(Path("../..")) == find(Path("..")) == find(Path()) == file


def test_paths_are_grouped_by_the_file_that_governs_them(tmp_path: Path) -> None:
    written(tmp_path / "one/losslint.toml", "keras-version = 2\n")
    paths = [written(tmp_path / name, "") for name in ("one/a.py", "two/b.py", "one/sub/c.py")]
    groups = resolve(paths, CODES)
    assert [(settings.keras_version, members) for settings, members in groups] == [
        (2, [paths[0], paths[2]]), ("auto", [paths[1]])]
    assert groups[1][0].root == Path.cwd()


def test_a_broken_governing_file_is_an_error(tmp_path: Path) -> None:
    written(tmp_path / "pyproject.toml", "[tool.losslint\n")
    with pytest.raises(ConfigError, match=r"pyproject\.toml: not valid TOML"):
        resolve([tmp_path], CODES)


def test_pyproject_without_the_table(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no \[tool.losslint\] table"):
        load(written(tmp_path / "pyproject.toml", "[tool.ruff]\n"), CODES)


def test_extend(tmp_path: Path) -> None:
    written(tmp_path / "pyproject.toml", """[tool.losslint]
        select = ["LL1"]
        extend-exclude = ["a"]
        per-file-ignores = {"x.py" = ["LL1"], "y.py" = ["LL1"]}
        keras-version = 2
        """)
    file = written(tmp_path / "pkg/losslint.toml", """extend = "../pyproject.toml"
        select = ["LL3"]
        extend-exclude = ["b"]
        per-file-ignores = {"y.py" = ["LL2"]}
        """)
    assert load(file, CODES) == Settings(
        select=("LL3",), extend_exclude=("a", "b"), per_file_ignores={"x.py": ("LL1",), "y.py": ("LL2",)},
        keras_version=2, root=tmp_path / "pkg", source=file)


def test_extend_in_a_circle(tmp_path: Path) -> None:
    written(tmp_path / "a.toml", 'extend = "b.toml"')
    with pytest.raises(ConfigError, match="comes back"):
        load(written(tmp_path / "b.toml", 'extend = "a.toml"'), CODES)


@pytest.mark.parametrize(("settings", "enabled"), [
    ({}, {"LL101", "LL102", "LL201", "LL301"}),
    ({"select": ("LL1",)}, {"LL101", "LL102"}),
    ({"ignore": ("LL1",)}, {"LL201", "LL301"}),
    ({"ignore": ("LL1",), "extend_select": ("LL101",)}, {"LL101", "LL201", "LL301"}),
    ({"select": ("LL101",), "ignore": ("LL1",)}, {"LL101"}),
    ({"select": ("LL1",), "ignore": ("LL1",)}, set()),
    ({"select": ("LL1",), "extend_select": ("LL3",), "ignore": ("LL102",)}, {"LL101", "LL301"}),
    ({"select": ()}, set()),
])  # fmt: skip
def test_the_longest_prefix_decides(settings: dict[str, Any], enabled: set[str]) -> None:
    assert {code for code in CODES if Settings(**settings).enabled(code)} == enabled


def test_command_line_over_file() -> None:
    base = Settings(select=("LL1",), ignore=("LL102", "LL3"), extend_select=("LL2",))
    assert base.override() == base
    fresh = base.override(select=["LL102"])
    assert (fresh.select, fresh.ignore, fresh.extend_select) == (("LL102",), (), ())
    more = base.override(ignore=["LL101"], extend_select=["LL3"], severity=Severity.INFO)
    assert (more.select, more.ignore, more.extend_select) == (("LL1",), ("LL102", "LL101"), ("LL2", "LL3"))
    assert more.severity is Severity.INFO


def test_adjust(tmp_path: Path) -> None:
    settings = Settings(
        ignore=("LL201",), per_file_ignores={"tests/*": ("LL3",), "gen/": ("LL1",), "conf.py": ("LL",)},
        severity_overrides={"LL3": Severity.INFO, "LL301": Severity.ERROR}, root=tmp_path)

    def here(code: str, name: str) -> Finding | None:
        return settings.adjust(finding(code, str(tmp_path / name)))

    assert here("LL201", "a.py") is None
    assert here("LL301", "tests/deep/a.py") is None
    assert here("LL101", "gen/a.py") is None
    assert here("LL101", "deep/conf.py") is None
    assert here("LL101", "tests/a.py") == finding("LL101", str(tmp_path / "tests/a.py"))
    adjusted = here("LL301", "a.py")
    assert adjusted is not None
    assert adjusted.severity is Severity.ERROR


EVERY, BELOW_SRC = {"bad.py", "src/bad.py", "src/deep/bad.py"}, {"src/bad.py", "src/deep/bad.py"}


@pytest.mark.parametrize(("pattern", "ignored"), [
    ("bad.py", EVERY), ("**/bad.py", EVERY), ("[!a]ad.py", EVERY), ("/bad.py", {"bad.py"}), ("./bad.py", {"bad.py"}),
    ("{root}/bad.py", {"bad.py"}), ("{root}/src/", BELOW_SRC), ("src/*.py", {"src/bad.py"}), ("src/**/*.py", BELOW_SRC),
    ("src/*", BELOW_SRC), ("src", BELOW_SRC), ("deep/", {"src/deep/bad.py"}), ("other.py", set()),
    ("!src/", {"bad.py"}), ("!/bad.py", BELOW_SRC), ("!./bad.py", BELOW_SRC),
])  # fmt: skip
def test_per_file_ignores_match_as_excludes_do(pattern: str, ignored: set[str], tmp_path: Path) -> None:
    files = [written(tmp_path / name, "") for name in ("bad.py", "src/bad.py", "src/deep/bad.py", "src/deep/other.pyx")]
    pattern = pattern.format(root=tmp_path)
    settings = load(written(tmp_path / "losslint.toml", f"per-file-ignores = {{'{pattern}' = ['LL1']}}"), CODES)
    assert {file.relative_to(tmp_path).as_posix() for file in files[:3] if settings.ignored_in(file)} == ignored
    if not pattern.startswith("!"):
        left_out = Settings(exclude=(pattern,), root=tmp_path)
        walked = {file.path.relative_to(tmp_path).as_posix() for file in discover([tmp_path], left_out)}
        assert walked == EVERY - ignored


@pytest.mark.parametrize(("text", "code"), [("LL101", "LL101"), (" ll1 ", "LL1"), ("LL", "LL"), ("all", "LL")])
def test_codes_are_read_in_any_case(text: str, code: str) -> None:
    assert read_code(text, CODES) == code


@pytest.mark.parametrize(("name", "text", "version"), [
    ("requirements.txt", "numpy\ntensorflow==2.15.1\n", 2),
    ("requirements.txt", "tensorflow>=2.4\n", 3),
    ("requirements.txt", "tensorflow<2.16,>=2.4  # keras 2\n", 2),
    ("requirements.txt", "tensorflow-gpu==1.15\n", 2),
    ("requirements.txt", "tensorflow<2.17\n", 3),
    ("requirements.txt", "tensorflow-probability<0.3\nkeras-preprocessing<2\n", 3),
    ("requirements.txt", "tensorflow[and-cuda]~=2.15.0; python_version < '3.12'\n", 2),
    ("requirements-dev.txt", "tf_keras\n", 2),
    ("requirements/base.txt", "keras < 3\n", 2),
    ("requirements.txt", "keras>=3\ntf-keras\n", 3),
    ("requirements.txt", f"keras<{'9' * 5000}\n", 3),
    ("pyproject.toml", "project = 'keras<3'\n", 3),
    ("pyproject.toml", "tool.poetry = ['keras<3']\n", 3),
    ("pyproject.toml", "[project]\ndependencies = ['keras>=2.3,<3']\n", 2),
    ("pyproject.toml", "[project.optional-dependencies]\ntf = ['tensorflow<=2.15']\n", 2),
    ("pyproject.toml", "[project]\nkeywords = ['tf-keras', 'keras']\ndescription = 'keras<3'\n", 3),
    ("pyproject.toml", "[tool.poetry.dependencies]\nkeras = '^2.8'\npython = '^3.9'\n", 2),
    ("pyproject.toml", "[tool.poetry.dependencies]\ntensorflow = {version = '2.10', optional = true}\n", 2),
    ("pyproject.toml", "[tool.poetry.dependencies]\ntensorflow = '^2.10'\n", 3),
    ("pyproject.toml", "[dependency-groups]\ntest = ['keras<3', {include-group = 'x'}]\n", 2),
    ("pyproject.toml", "keras not toml\n", 3),
    ("setup.cfg", "[options]\ninstall_requires =\n    numpy\n    tensorflow<2.16\n", 2),
    ("setup.cfg", "[options]\ninstall_requires = keras<3\n", 2),
    ("setup.py", 'setup(install_requires=["tensorflow>=2.3,<2.11", \'numpy\'])\n', 2),
    ("setup.py", "setup(description='Keras 2 losses', install_requires=['tensorflow>=2'])\n", 3),
    ("PKG-INFO", "Name: x\nRequires-Dist: keras (<3)\n", 2),
    ("x.egg-info/requires.txt", "keras<3\n[tests]\npytest\n", 2),
    ("README.md", "keras<3\n", 3),
])  # fmt: skip
def test_the_keras_a_project_pins(name: str, text: str, version: int, tmp_path: Path) -> None:
    written(tmp_path / name, text)
    assert detect_keras_version(tmp_path) == version


def test_installed_packages_are_judged_by_their_own_metadata(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    written(site / "old_losses-1.0.dist-info/METADATA", "Requires-Dist: tensorflow<2.16\n")
    written(site / "tf_models_official-2.1.dist-info/METADATA", "Requires-Dist: tf-keras>=2.16\n")
    written(site / "tf_models_official-2.1.dist-info/top_level.txt", "official\norbit\n")
    for package in ("old_losses", "official", "other"):
        written(site / package / "sub/a.py", "")
    assert project_root(site / "official/sub/a.py") == site / "official"
    files = [site / package / "sub/a.py" for package in ("old_losses", "official", "other")]
    assert [keras_version(Settings(), file) for file in files] == [2, 2, 3]
    assert keras_version(Settings(keras_version=3), site / "official/sub/a.py") == 3


def test_project_root(tmp_path: Path) -> None:
    written(tmp_path / "repo/setup.py", "")
    file = written(tmp_path / "repo/pkg/sub/a.py", "")
    assert project_root(file) == project_root(file.parent) == tmp_path / "repo"


def test_the_nearest_settings_govern_what_a_walk_finds(tmp_path: Path) -> None:
    top = written(tmp_path / "losslint.toml", 'severity = "info"')
    inner = written(tmp_path / "a/losslint.toml", 'ignore = ["LL102"]')
    written(tmp_path / ".hidden/losslint.toml", 'ignore = ["LL1"]')
    outer, own = resolve([tmp_path], CODES)
    assert (outer[0].source, outer[1], outer[0].extend_exclude) == (top, [tmp_path], ("/a/",))
    assert (own[0].source, own[1]) == (inner, [tmp_path / "a"])


@pytest.mark.parametrize("text", ["tool = 3 # losslint", 'tool = "losslint"'])
def test_tool_that_is_no_table(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="`tool` must be a table"):
        find(written(tmp_path / "pyproject.toml", text).parent)


SCALARS = st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(
    ["LL101", "LL1", "fit", "info", "float32[8]", "a.py::f", "!x", "../x", "2", "auto"]))
VALUES = st.recursive(SCALARS, lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.dictionaries(st.one_of(st.text(max_size=6), st.just("a.py::f")), inner, max_size=3)),
    max_leaves=8)
DATES = ("1979-05-27", "07:32:00", "1979-05-27T07:32:00Z")


@given(table=st.dictionaries(st.one_of(st.sampled_from([*options(), "extend"]), st.text(max_size=8)), VALUES, max_size=3),
       date=st.sampled_from(("", *DATES)), key=st.sampled_from(list(options())))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_a_settings_file_holds_is_read_or_is_one_line(
    table: dict[str, Any], date: str, key: str, tmp_path: Path
) -> None:
    text = "\n".join(f"{toml(name)} = {toml(value)}" for name, value in table.items())
    text += f"\n{key} = [{date}]" if date and key not in table else ""
    file = written(tmp_path / "losslint.toml", text)
    parse_toml(text)
    try:
        read = load(file, CODES)
    except ConfigError as error:
        assert str(error).startswith(str(tmp_path))  # noqa: PT017 - most tables are wrong, some are right
        return
    shown = parse_toml(settings_text([read]))
    again = load(written(tmp_path / "again/losslint.toml", settings_text([read])), CODES)
    assert settings_text([again]).splitlines()[1:] == settings_text([read]).splitlines()[1:]
    assert shown.keys() == options().keys()
    assert settings_json([read])


@given(st.dictionaries(st.sampled_from(["project", "tool", "dependency-groups"]), st.recursive(
    st.one_of(SCALARS, st.sampled_from(["keras<3", "tensorflow"])), lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(
            ["poetry", "dependencies", "optional-dependencies", "keras", "version", "losslint"]), inner, max_size=3)))))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_a_pyproject_holds_is_read_or_is_one_line(tmp_path: Path, document: dict[str, Any]) -> None:
    text = "# tensorflow losslint\n" + "\n".join(f"{name} = {toml(value)}" for name, value in document.items())
    detect_keras_version.__wrapped__(written(tmp_path / "pyproject.toml", text).parent)
    try:
        resolve([tmp_path], CODES)
    except ConfigError as error:
        assert str(error).startswith(str(tmp_path))  # noqa: PT017 - some are wrong, some are right


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000, "inputs = 0x" + "f" * 9_000, "'a\\nb' = 1", '"a\\nb" = 1'])
def test_malformed_beyond_reason(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path / "losslint.toml", text), CODES)
    assert "\n" not in str(caught.value)


def test_extend_through_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "loop.toml").symlink_to(tmp_path / "loop.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(written(tmp_path / "losslint.toml", 'extend = "loop.toml"'), CODES)


def test_severity_holds_in_every_format_once_it_is_set() -> None:
    assert [Settings().least(machines) for machines in (True, False)] == [Severity.INFO, Severity.WARNING]
    for level in Severity:
        assert {Settings(severity=level).least(machines) for machines in (True, False)} == {level}
