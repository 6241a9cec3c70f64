"""Codes that no rule over a loss gives: about the input itself (LL001 to LL006), and what only running a loss shows
(LL901 to LL907)."""

from __future__ import annotations

from dataclasses import dataclass

from losslint.findings import Severity


@dataclass(frozen=True)
class Notice:
    """What a rule shows of itself, for a code that has no rule class."""

    code: str
    name: str
    severity: Severity
    documentation: str

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return self.documentation.partition("\n")[0]


SYNTAX_ERROR = Notice("LL001", "syntax-error", Severity.ERROR, """A file is not valid Python.

What it does: reports the first place where the parser gives up. The other files are checked all the same.

Why it is bad: nothing in the file was checked. Python 2 code is the usual reason in older repositories.

Use instead: code that ``python -m py_compile FILE`` accepts.""")

UNUSED_SUPPRESSION = Notice("LL002", "unused-suppression", Severity.WARNING, """A suppression suppresses nothing.

What it does: finds ``# losslint: ignore[..]``, ``# losslint: file-ignore[..]`` and ``# noqa: LL..`` comments whose
rules find nothing where they stand. A bare ``# noqa`` and rules that are not selected are left alone.

Why it is bad: the next real problem on that line is hidden before anybody has seen it.

Use instead: delete the comment, or the codes in it that are not needed.""")

UNKNOWN_SUPPRESSION = Notice("LL003", "comment-without-effect", Severity.WARNING,
                             """A comment to losslint does nothing: it names no rule, or stands where it says nothing.

What it does: checks the codes of ``# losslint: ignore[..]`` and ``# losslint: file-ignore[..]`` comments, and those in
``# noqa`` that begin with LL; other tools' codes in ``# noqa`` are none of our business. Then comments that losslint does
not know (``# losslint: disable``), ``# losslint: loss`` or ``inputs`` beside code that is no definition, and ``inputs``
that cannot be read or are for no argument.

Why it is bad: the comment does nothing, and whoever wrote it believes that it does.

Use instead: a code from ``losslint rule --all``, in ``ignore[..]`` or ``file-ignore[..]``; ``loss``, ``not-loss`` and
``inputs`` at definitions.""")

NOT_ANALYSED = Notice("LL004", "not-analysed", Severity.INFO, """A loss could not be followed to its end.

What it does: names the loss and the reason. What was followed has been checked.

Why it is bad: silence about this loss proves less than silence about the others.

Use instead: smaller functions, or a check by running it.""")

FAILS = Notice("LL005", "fails-to-run", Severity.INFO, """A loss ends before it gives a value (``--confirm``).

What it does: names the exception, or how the process ended: a loop without end, a crash, too much memory. Only where no rule
finds anything in the loss.

Why it is bad: the loss, or the data that losslint makes up for it, is at fault; nothing else of it was seen.

Use instead: inputs that it takes, by a comment ``# losslint: inputs`` on the loss, if its own are not at fault.""")

NOT_RUN = Notice("LL006", "not-run", Severity.INFO, """A loss was not run (``--confirm``).

What it does: says what stands in the way: no inputs are found that it takes, it cannot be cut out of its file, or a package
is not installed. Only where no rule finds anything in the loss.

Why it is bad: silence about this loss proves less than silence about the others.

Use instead: a comment ``# losslint: inputs`` on the loss that states its shapes, ``--confirm-import``, or the package.""")

NOTICES = {notice.code: notice for notice in (
    SYNTAX_ERROR, UNUSED_SUPPRESSION, UNKNOWN_SUPPRESSION, NOT_ANALYSED, FAILS, NOT_RUN)}

NO_GRADIENT = Notice("LL901", "no-gradient", Severity.ERROR, """A loss that was run has no gradient (``--confirm``).

What it does: runs the loss under a tape. The derivative to each prediction is None, and no rule has said so.

Why it is bad: Keras stops with ``No gradients provided for any variable``; an own loop trains nothing.

Use instead: differentiable operations of the framework, from the prediction up to the loss.""")

NON_FINITE = Notice("LL902", "non-finite", Severity.WARNING, """A loss that was run gives NaN or infinity (``--confirm``).

What it does: runs the loss on inputs that training meets: perfect predictions, saturated outputs, empty masks. Names the
smallest input found for which the loss or its gradient is not finite. Info where only the labels decide.

Why it is bad: one such batch makes every weight NaN.

Use instead: an operand that is kept away from the singular point before the operation.""")

ZERO_GRADIENT = Notice("LL903", "zero-gradient-seen", Severity.WARNING,
                       """A loss that was run has a gradient of exactly 0 (``--confirm``).

What it does: runs the loss at points in general position, where no derivative is 0 by chance.

Why it is bad: nothing is learnt.

Use instead: a smooth form that has a slope there.""")

WRONG_GRADIENT = Notice("LL904", "wrong-gradient-seen", Severity.ERROR,
                        """The gradient of a loss is not its slope (``--confirm``).

What it does: compares the gradient with central differences of the loss in float64. Losses in which a gradient is stopped
or made on purpose, and those in half precision, are left out.

Why it is bad: the optimizer minimises something else.

Use instead: tensors for all that depends on the prediction; ``tf.stop_gradient`` around what is meant to be constant.""")

DISCONTINUITY = Notice("LL905", "discontinuity", Severity.INFO, """The value of a loss jumps (``--confirm``).

What it does: follows the loss along each coordinate of the prediction, and narrows down where its limits from both sides
differ.

Why it is bad: no gradient knows of the step.

Use instead: branches that agree where they meet, or a blend of them.""")

RAISES = Notice("LL906", "raises", Severity.ERROR, """A loss raises where ``fit`` compiles it (``--confirm``).

What it does: traces the loss as ``fit`` does. It runs in eager code and raises there, and no rule has said so.
``losslint.confirm`` also says what raises with the inputs that it is given.

Why it is bad: training stops before its first step.

Use instead: tensor operations in place of what only eager tensors can do.""")

CONTRACT = Notice("LL907", "contract", Severity.INFO, """Keras expects something else of a loss (``--confirm``).

What it does: looks at the shape of the result, and at what ``sample_weight`` does to it.

Why it is bad: weights, masks and averages are not what they seem.

Use instead: one loss for each sample; Keras reduces them.""")

SEEN = {notice.code: notice for notice in (
    NO_GRADIENT, NON_FINITE, ZERO_GRADIENT, WRONG_GRADIENT, DISCONTINUITY, RAISES, CONTRACT)}
