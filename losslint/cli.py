"""The command line. ``losslint [PATHS]`` checks; other commands are named: ``losslint rule LL101``.

Exit codes: 0 clean, 1 findings (warning or error), 2 could not do what was asked. Everything heavy is imported by the
command that needs it.
"""

from __future__ import annotations

import gc
import io
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from losslint import __version__
from losslint.config import ConfigError, options
from losslint.findings import Severity
from losslint.report import FORMATS

if TYPE_CHECKING:
    from losslint.report.listing import RuleInfo
    from losslint.session import Request

CLEAN, FINDINGS, FAILED, INTERRUPTED = 0, 1, 2, 130
DEFAULT_COMMAND = "check"
LISTS = ("text", "concise", "json")
INSTEAD = {  # what is printed in place of findings, one at a time, and the formats that it has
    "statistics": LISTS, "show_losses": LISTS, "show_files": LISTS, "show_settings": LISTS, "show_suppressed": LISTS,
    "add_noqa": ("text",),
}  # fmt: skip
ADD_NOQA = "--add-noqa"  # its value is optional and stands behind a =, so that it never takes a path for one


class CommandLine(click.Group):
    """A group whose default command is ``check``: a path needs no command in front."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            args = [DEFAULT_COMMAND, *args]
        options = args.index("--") if "--" in args else len(args)
        args = [f"{ADD_NOQA}=" if i < options and text == ADD_NOQA else text for i, text in enumerate(args)]
        return super().parse_args(ctx, args)


class CheckCommand(click.Command):
    """The default command; its help is the program's help and lists the other commands."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage("losslint", "[OPTIONS] [PATHS]... | COMMAND ...")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(60)) for name, command in commands.commands.items()])


class PathType(click.Path):
    """A path. An empty one, of a variable that is not set, names nothing; for pathlib it were the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            raise click.ClickException("'': no such file or folder")
        return super().convert(value, param, ctx)


def _codes(ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code for text in given for code in text.replace(",", " ").split())


def _setting(key: str) -> str:
    help: str = options()[key].metadata["help"]
    return help


def _complete_codes(ctx: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Rule codes for the shell; behind a comma another one."""
    from losslint.session import known_rules

    before, comma, begun = typed.rpartition(",")
    return [CompletionItem(before + comma + code, help=rule.name) for code, rule in known_rules().items()
            if code.startswith(begun.upper())]


def _complete_names(ctx: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Public names of operations, a module at a time."""
    from losslint.ops.explain import public_names

    depth = typed.count(".") + 1
    names = {".".join(name.split(".")[:depth]) for name in public_names() if name.startswith(typed)}
    return [CompletionItem(name) for name in sorted(names)]


def _complete_paths(ctx: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Files; in the first place also the commands."""
    first = [] if ctx.params.get("paths") else [name for name in commands.commands if name.startswith(typed)]
    return [CompletionItem(typed, type="file"), *map(CompletionItem, first)]


def _code_option(name: str, help: str = "") -> Callable[[Any], Any]:
    return click.option(f"--{name}", metavar="CODES", multiple=True, callback=_codes, help=help or _setting(name),
                        shell_complete=_complete_codes)


def _format_option(*formats: str) -> Callable[[Any], Any]:
    return click.option("--output-format", type=click.Choice(formats), default="text", show_default=True,
                        help="How to print.")


def _device(ctx: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    if given is not None and given not in ("auto", "cpu") and not re.fullmatch(r"gpu:\d+", given):
        raise click.BadParameter("write auto, cpu or gpu:0.")
    return given


def _run_options(function: Any) -> Any:
    """The options of commands that run losses."""
    for option in (
        click.option("--confirm-import", is_flag=True, help="Import the files instead of cutting the losses out of them."),
        click.option("--device", metavar="auto|cpu|gpu:0", callback=_device, help="What to run on.  [default: auto]"),
        click.option("--timeout", type=click.FloatRange(min=0.1), metavar="SECONDS", help="The time a loss gets."),
        click.option("--jobs", type=click.IntRange(min=1), metavar="N",
                     help="Losses to run at the same time.  [default: one per processor, at most 4]"),
    ):
        function = option(function)
    return function


def _confirm_options(function: Any) -> Any:
    confirm = click.option("--confirm", is_flag=True,
                           help="Run the losses under a GradientTape, and say which findings hold (needs TensorFlow).")
    return confirm(_run_options(function))


@click.group(cls=CommandLine, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def commands() -> None:
    """Find the losses in Python files and say where their gradient is cut, undefined or wrong."""


@commands.command(DEFAULT_COMMAND, cls=CheckCommand, short_help="Check PATHS (the default).")
@click.argument("paths", nargs=-1, type=PathType(path_type=Path, allow_dash=True), shell_complete=_complete_paths)
@_code_option("select")
@_code_option("ignore")
@_code_option("extend-select")
@click.option("--severity", type=click.Choice([severity.value for severity in Severity]), 
              help="The least severity that is shown.  [default: warning, in json and rdjson info]")
@_format_option(*FORMATS)
@click.option("-o", "--output-file", type=PathType(path_type=Path), metavar="FILE",
              help="Write the report to a file.")
@click.option("--stdin-filename", type=PathType(path_type=Path), metavar="PATH",
              help="The name that the text from standard input (-) has.")
@click.option("--config", type=PathType(path_type=Path), metavar="FILE", help="Take the settings from this file.")
@click.option("--isolated", is_flag=True, help="Take no settings from any file.")
@click.option("--force-exclude/--no-force-exclude", default=None, help=_setting("force-exclude"))
@click.option("--show-losses", is_flag=True, help="List what is taken for a loss, and why.")
@click.option("--show-files", is_flag=True, help="List the files that would be checked.")
@click.option("--show-settings", is_flag=True, help="Print the settings in force.")
@click.option("--show-suppressed", is_flag=True, help="Print findings that a comment silences, too.")
@click.option("--statistics", is_flag=True, help="Count findings by rule instead of printing them.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever is found.")
@click.option(ADD_NOQA, metavar="[=REASON]", help="Write comments that silence the findings into the files.")
@_confirm_options
@click.option("-q", "--quiet", is_flag=True, help="Print findings and errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Say which settings hold and what was read.")
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s", prog_name="losslint")
def check(**given: Any) -> int:
    """Find the losses in PATHS (default: the current folder; - reads standard input) and say where their gradient
    is cut, undefined or wrong."""
    from losslint.session import Request, run

    request = _consistent(Request(**given))
    return run(request)


def _consistent(request: Request) -> Request:
    """The request, if its options go together.

    Raises:
        click.UsageError: they do not.
    """
    if request.quiet and request.verbose:
        raise click.UsageError("--quiet and --verbose exclude each other.")
    if request.config and request.isolated:
        raise click.UsageError("--config and --isolated exclude each other.")
    if "#" in (request.add_noqa or "") or "\n" in (request.add_noqa or ""):
        raise click.UsageError("a reason is one line without a #.")
    of_runs = (request.confirm_import, request.jobs, request.timeout, request.device)
    if any(of_runs) and not request.confirm:
        raise click.UsageError("--jobs, --timeout, --device and --confirm-import need --confirm.")
    instead = [name for name in INSTEAD if getattr(request, name) not in (False, None)]
    options = ["--" + name.replace("_", "-") for name in instead]
    if len(instead) > 1:
        raise click.UsageError(f"{options[0]} and {options[1]} exclude each other.")
    if instead and request.confirm and instead[0] not in ("statistics", "show_suppressed"):
        raise click.UsageError(f"{options[0]} and --confirm exclude each other.")
    if instead and request.output_format not in INSTEAD[instead[0]]:
        formats = ", ".join(INSTEAD[instead[0]])
        raise click.UsageError(f"{options[0]} cannot be printed as {request.output_format}: {formats}.")
    if request.add_noqa is not None and request.output_file:
        raise click.UsageError("--add-noqa prints no report: leave out --output-file.")
    if request.reads_stdin and any(str(path) != "-" for path in request.paths):
        raise click.UsageError("standard input (-, --stdin-filename) cannot be checked together with other paths.")
    return request


@commands.command(short_help="Explain a rule, or list all.")
@click.argument("code", required=False, shell_complete=_complete_codes)
@click.option("--all", "every", is_flag=True, help="All rules, one a line.")
@_format_option("text", "json")
def rule(code: str | None, every: bool, output_format: str) -> int:
    """Explain the rule CODE (a code, a name, or a prefix of codes): what it finds, why that is bad, what to write
    instead."""
    from losslint.output import emit
    from losslint.report import listing
    from losslint.session import known_rules

    rules = known_rules()
    if every == (code is not None):
        raise click.UsageError("give the code of one rule, or --all.")
    chosen = rules if code is None else _rules_named(code, rules)
    if output_format == "json":
        emit(listing.rules_json(chosen.values()))
    else:
        emit(listing.rules_text(chosen) if len(chosen) > 1 else listing.rule_text(*chosen.values()))
    return CLEAN


def _rules_named(text: str, rules: Mapping[str, RuleInfo]) -> Mapping[str, RuleInfo]:
    """The rule of a name, or those whose codes begin with ``text``.

    Raises:
        click.ClickException: there is none.
    """
    from losslint.config import read_code

    if named := {code: rule for code, rule in rules.items() if rule.name == text.lower()}:
        return named
    try:
        prefix = read_code(text, {code: rule.name for code, rule in rules.items()})
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    return {code: rule for code, rule in rules.items() if code.startswith(prefix)}


@commands.command(short_help="Say what is known of an operation, such as tf.round.")
@click.argument("name", required=False, shell_complete=_complete_names)
@click.option("--all", "every", is_flag=True, help="All public names, one a line: differentiable or not.")
@_format_option("text", "json")
def explain(name: str | None, every: bool, output_format: str) -> int:
    """Say what is known of an operation (tf.round, keras.ops.where, np.mean, torch.clamp, Tensor.numpy): whether it has a
    gradient and through which inputs, where value or slope is infinite, and what to write instead. A module (tf.image)
    or a bare name (round) lists what it may mean."""
    from losslint.ops.explain import named
    from losslint.output import emit
    from losslint.report import explanation

    if every == (name is not None):
        raise click.UsageError("give one name, or --all.")
    try:
        found = named(name)
    except LookupError as error:
        raise click.ClickException(f"{error.args[0]}") from error
    if output_format == "json":
        emit(explanation.as_json(found))
    else:
        emit(explanation.text(*found) if len(found) == 1 else explanation.listing(found))
    return CLEAN


@commands.command(short_help="Print a script that repeats a failure of FILE::LOSS.")
@click.argument("target", metavar="FILE::LOSS")
@_code_option("code", "The finding to repeat.  [default: the most severe that is confirmed]")
@_run_options
def repro(target: str, code: tuple[str, ...], **given: Any) -> int:
    """Run FILE::LOSS (losses.py::dice_loss) and print a script that repeats, with plain TensorFlow, how it fails."""
    from losslint.output import emit
    from losslint.session import Request
    from losslint.session import repro as script_for

    emit(script_for(target, code, Request(**given)))
    return CLEAN


@commands.command(short_help="Print the JSON schema of the settings.")
def schema() -> int:
    """Print the JSON schema of losslint.toml and of [tool.losslint], for editors."""
    import json

    from losslint import config
    from losslint.output import emit

    emit(json.dumps(config.schema(), indent=2) + "\n")
    return CLEAN


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code. Never raises, and prints one line for what went wrong."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller has closed it
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - it lives as long as the process
    _speak_utf8()
    gc.set_threshold(50_000, 50, 50)  # syntax trees live to the end: looking through them for garbage took 15 % of a run
    try:
        code = commands.main(list(sys.argv[1:] if arguments is None else arguments), "losslint", standalone_mode=False)
        return code if isinstance(code, int) else CLEAN
    except click.UsageError as error:
        return _fail(f"{_one_line(error.format_message())} (losslint --help lists the options)")
    except (click.ClickException, ConfigError) as error:
        return _fail(_one_line(error.format_message() if isinstance(error, click.ClickException) else str(error)))
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}")
    except Exception as error:
        if os.environ.get("LOSSLINT_DEBUG"):
            raise
        return _fail(f"internal error: {type(error).__name__}: {_one_line(str(error))}. This is a bug in losslint "
                     f"{__version__}: please report it with the file (LOSSLINT_DEBUG=1 shows the traceback).")


def _fail(message: str) -> int:
    click.echo(f"losslint: {message}", err=True)
    return FAILED


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _speak_utf8() -> None:
    """Print UTF-8 even where the console's encoding is poor: a message must never end in an encoding error."""
    streams: list[IO[str] | Any] = [sys.stdout, sys.stderr]
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
