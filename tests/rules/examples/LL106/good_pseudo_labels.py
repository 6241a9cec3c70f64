"""What is made before the tape opens is data to it, whatever becomes of it there."""

import keras
import tensorflow as tf


class Tagger(keras.Model):
    def __init__(self, threshold=0.6):
        super().__init__()
        self.threshold = threshold
        self.net = keras.layers.Dense(7)
        self.shadow = keras.layers.Dense(7)

    def pseudo_labels(self, weak_logits):
        prob = tf.nn.softmax(weak_logits, axis=-1)
        keep = tf.cast(tf.reduce_max(prob, axis=-1) >= self.threshold, tf.float32)
        return tf.argmax(prob, axis=-1), keep

    def train_step(self, data):
        weak, strong = data
        hard, keep = self.pseudo_labels(self.shadow(weak))
        with tf.GradientTape() as tape:
            errors = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=hard, logits=self.net(strong))
            loss = tf.reduce_mean(errors * keep)
        grads = tape.gradient(loss, self.net.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.net.trainable_variables))
        return {"loss": loss}
