"""Losses that are no functions: tape blocks, training steps, expressions that are minimised, models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from losslint.config import Settings
from losslint.confirm.cut import CannotCut

if TYPE_CHECKING:
    from losslint.confirm.slicing import Draft


def entry(draft: Draft, settings: Settings | None) -> None:
    """The callable of a site that is not called with its tensors."""
    raise CannotCut(f"a {draft.loss.site.kind} is not run yet")
