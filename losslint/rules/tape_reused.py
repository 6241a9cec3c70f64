"""LL503."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.rules.base import Loss, Problem, Rule


class TapeReused(Rule):
    """A tape that is not persistent is asked for a gradient twice.

    What it does: counts the ``gradient`` calls of each tape along one path.

    Why it is bad: ``RuntimeError: A non-persistent GradientTape can only be used to compute one set of gradients``.

    Use instead: ask once for all sources, ``tape.gradient(loss, [a, b])``, use one tape a network, or
    ``tf.GradientTape(persistent=True)``.

    Confirmed by: running the step (raises).
    """

    code = "LL503"
    name = "tape-reused"
    BAD = (
        """
import tensorflow as tf

def step(generator, critic, x):
    with tf.GradientTape() as tape:
        score = critic(generator(x, training=True), training=True)
        loss = tf.reduce_mean(score)
    first = tape.gradient(loss, generator.trainable_variables)
    second = tape.gradient(-loss, critic.trainable_variables)  # expect: LL503
    return first, second
""",
    )
    GOOD = (
        """
import tensorflow as tf

def step(generator, critic, x):
    with tf.GradientTape(persistent=True) as tape:
        loss = tf.reduce_mean(critic(generator(x, training=True), training=True))
    first = tape.gradient(loss, generator.trainable_variables)
    second = tape.gradient(loss, critic.trainable_variables)
    return first, second
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for target in loss.graph.targets:
            if target.again:
                yield Problem(
                    target.source,
                    "the second gradient of a tape that is not persistent: RuntimeError",
                    "ask once, tape.gradient(loss, [first, second]), or open tf.GradientTape(persistent=True)",
                )
