"""What a term is weighed by is no loss of its own, and a target is detached because it is one."""

import tensorflow as tf


class SoftAssignment(tf.keras.layers.Layer):
    def __init__(self, clusters):
        super().__init__()
        self.clusters = clusters

    def build(self, shape):
        self.centers = self.add_weight(name="centers", shape=(self.clusters, shape[-1]), initializer="glorot_uniform")

    @staticmethod
    def sharpened(q):
        w = tf.square(q) / tf.maximum(tf.reduce_sum(q, axis=0, keepdims=True), 1e-6)
        return tf.stop_gradient(w / tf.maximum(tf.reduce_sum(w, axis=1, keepdims=True), 1e-6))

    def call(self, z, training=None):
        q = tf.nn.softmax(-tf.reduce_sum(tf.square(z[:, None, :] - self.centers[None]), axis=-1))
        p = self.sharpened(q)
        kl = p * (tf.math.log(tf.maximum(p, 1e-6)) - tf.math.log(tf.maximum(q, 1e-6)))
        if training:
            self.add_loss(0.1 * tf.reduce_mean(tf.reduce_sum(kl, axis=1)))
        return q
