"""What losses of logarithms outside of Keras are given instead (LL406)."""

from __future__ import annotations

from losslint.facts.shape import is_true
from losslint.graph.nodes import Node
from losslint.graph.values import Const
from losslint.rules.base import Problem
from losslint.rules.endings import LOGARITHMS, SQUASHING

OF_LOGARITHMS = ("nll_loss", "kl_divergence")  # of the logarithms of probabilities


def outside_of_keras(node: Node, given: Node, activation: str) -> Problem | None:
    """What is wrong with what a loss of PyTorch or optax gets, where that wants no logits."""
    if node.framework not in ("torch", "jax"):
        return None
    text, what = node.source.text, given.source.text
    if node.op in OF_LOGARITHMS and activation not in LOGARITHMS:
        kind = "probabilities" if activation in SQUASHING else "logits"
        twin = "log_sigmoid" if activation == "sigmoid" else "log_softmax"
        return Problem(
            node.source,
            f"{text} expects the logarithms of probabilities, but {what} gives {kind}: its minimum is not where the "
            "prediction is right",
            f"use {twin} instead of {activation}" if activation in SQUASHING else f"put {twin} between the two",
            related=(given.source,),
        )
    if node.framework == "torch" and node.op == "binary_crossentropy" and activation == "linear":
        return Problem(
            node.source,
            f"{text} expects probabilities, but {what} ends in a linear layer: PyTorch raises RuntimeError as soon as a "
            "number is not between 0 and 1",
            "use binary_cross_entropy_with_logits (BCEWithLogitsLoss), or put a sigmoid between the two",
            related=(given.source,),
        )
    return None


def wrong_target(node: Node, target: Node, activation: str) -> Problem | None:
    """What is wrong with the target of the divergence of PyTorch or optax: it is probabilities, or their logarithms where
    ``log_target=True`` says so."""
    told = node.told("log_target")
    in_logarithms = is_true(told)
    known = told is None or isinstance(told, Const)
    if node.op != "kl_divergence" or node.framework not in ("torch", "jax") or not known:
        return None
    text, what = node.source.text, target.source.text
    if activation in LOGARITHMS and not in_logarithms:
        return Problem(
            node.source,
            f"{text} takes the logarithm of the target itself, but {what} gives logarithms, which are negative: "
            "the loss is NaN",
            "pass log_target=True" if node.framework == "torch" else "use kl_divergence_with_log_targets",
            related=(target.source,),
        )
    if activation in SQUASHING and in_logarithms:
        return Problem(
            node.source,
            f"{text} expects the logarithms of the target, but {what} gives probabilities: its minimum is not where the "
            "prediction is right",
            "drop log_target=True, or use log_softmax",
            related=(target.source,),
        )
    return None
