"""DeepCTR: the auxiliary loss alone, with a network in place of DNN that is as sure as its sigmoid can be."""

from __future__ import annotations

import tensorflow as tf

from tests.ecosystem.observe import eager, sliced


def _reduce_mean(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(values)


def _network(*_: object, activation: str) -> object:
    assert activation == "sigmoid"
    return lambda features, stag=None: tf.sigmoid(tf.reduce_sum(features, -1, keepdims=True))


LOSS = sliced("deepctr/models/sequence/dien.py", "auxiliary_loss", tf=tf, DNN=_network, reduce_mean=_reduce_mean)


def certain_of_what_was_not_clicked() -> list[str]:
    states = tf.zeros([1, 2, 1])
    mask = tf.constant([[2]])
    return eager(lambda noclick: LOSS["auxiliary_loss"](states, states, noclick, mask), [[[20.0], [20.0]]])


def certain_of_no_click_where_there_was_one() -> list[str]:
    states = tf.zeros([1, 2, 1])
    mask = tf.constant([[2]])
    return eager(lambda click: LOSS["auxiliary_loss"](states, click, states, mask), [[[-120.0], [-120.0]]])
