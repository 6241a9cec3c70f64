"""How long one loss of fifty lines takes: ``python -m tests.facts.benchmark``.

The file is parsed and searched once; trace, facts and rules are what each further loss costs. The trace reads a function
with LibCST, whose parser alone is printed beside it. Processor time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import libcst

from losslint.graph.trace import trace
from losslint.project.module import Module, Project
from losslint.project.sites import SiteOptions, find_sites
from losslint.rules import catalogue
from losslint.rules.base import Loss

ROUNDS = 15
FOR_EACH_LOSS = ("trace", "gradient facts", "numerical facts", "rules")
LOSS = '''
import tensorflow as tf


def masked(values, mask):
    return tf.math.divide_no_nan(tf.reduce_sum(values * mask), tf.reduce_sum(mask))


def overlap(y_true, p, smooth=1.0):
    both = tf.reduce_sum(y_true * p, axis=(1, 2))
    total = tf.reduce_sum(y_true, axis=(1, 2)) + tf.reduce_sum(p, axis=(1, 2))
    return 1.0 - (2.0 * both + smooth) / (total + smooth)


def segmentation_loss(y_true, y_pred, alpha=0.25, gamma=2.0, weight=0.3, eps=1e-7):
    mask = tf.cast(y_true >= 0.0, y_pred.dtype)
    y_true = tf.where(mask > 0.0, y_true, tf.zeros_like(y_true))
    p = tf.clip_by_value(y_pred, eps, 1.0 - eps)

    on = -y_true * tf.math.log(p)
    off = -(1.0 - y_true) * tf.math.log(1.0 - p)
    entropy = masked(on + off, mask)

    focus_on = tf.pow(1.0 - p, gamma) * on
    focus_off = tf.pow(p, gamma) * off
    focal = masked(alpha * focus_on + (1.0 - alpha) * focus_off, mask)

    dice = tf.reduce_mean(overlap(y_true * mask, p * mask))
    jaccard_both = tf.reduce_sum(y_true * p)
    jaccard = 1.0 - (jaccard_both + 1.0) / (tf.reduce_sum(y_true) + tf.reduce_sum(p) - jaccard_both + 1.0)

    dx = p[:, 1:, :] - p[:, :-1, :]
    dy = p[:, :, 1:] - p[:, :, :-1]
    smoothness = tf.reduce_mean(tf.sqrt(tf.square(dx) + eps)) + tf.reduce_mean(tf.sqrt(tf.square(dy) + eps))

    error = tf.abs(y_true - p)
    quadratic = tf.minimum(error, 0.1)
    linear = error - quadratic
    huber = masked(0.5 * tf.square(quadratic) + 0.1 * linear, mask)

    mean = tf.reduce_mean(p, axis=(1, 2))
    wanted = tf.reduce_mean(y_true, axis=(1, 2))
    size = tf.reduce_mean(tf.square(mean - wanted))

    terms = entropy + focal + weight * dice
    terms += weight * jaccard
    terms += 0.01 * smoothness
    terms += 0.1 * huber + 0.1 * size
    return terms
'''
Result = TypeVar("Result")


def timed(step: Callable[[], Result]) -> tuple[Result, float]:
    start = time.process_time()
    result = step()
    return result, 1000.0 * (time.process_time() - start)


def measured() -> dict[str, float]:
    """The milliseconds of each step."""
    module, parse = timed(lambda: Module(Path("/nowhere/losses.py"), LOSS, "losses"))
    project = Project()
    project.add(module)
    sites, search = timed(lambda: find_sites(module, project, SiteOptions()))
    site = next(site for site in sites if site.qualname == "segmentation_loss")
    _, reading = timed(lambda: libcst.parse_module(LOSS))
    loss, tracing = timed(lambda: Loss(site, trace(site, project), 3))
    _, gradient = timed(lambda: [loss.gradient.live(node) for node in loss.nodes])
    _, hazards = timed(lambda: loss.hazards)
    _, rules = timed(lambda: [list(rule.check(loss)) for rule in catalogue().values()])
    return {"parse": parse, "find losses": search, "trace": tracing, "of it LibCST": reading, "gradient facts": gradient,
            "numerical facts": hazards, "rules": rules}


def main() -> None:
    measured()  # reads the tables
    rounds = [measured() for _ in range(ROUNDS)]
    typical = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    for name, milliseconds in typical.items():
        print(f"{name:<16} {milliseconds:6.1f} ms")
    per_loss = sum(typical[name] for name in FOR_EACH_LOSS)
    print(f"{'a further loss':<16} {per_loss:6.1f} ms")


if __name__ == "__main__":
    main()
