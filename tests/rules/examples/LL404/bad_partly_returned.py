import keras
import tensorflow as tf


class Masked(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):  # expect: LL404
        error = tf.reduce_mean(tf.square(y - y_pred), axis=-1)
        if sample_weight is not None:
            return tf.reduce_mean(error * sample_weight)
        total = tf.reduce_mean(error)


class Penalised(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):  # expect: LL404
        if not training:
            return tf.reduce_mean(tf.abs(y - y_pred))
        loss = tf.reduce_mean(tf.square(y - y_pred))
        for extra in self.losses:
            loss += extra


class Stepped(keras.Model):
    def train_step(self, data):  # expect: LL404
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - self(x, training=True)))
        gradients = tape.gradient(loss, self.trainable_variables)
        if self.accumulates:
            return {"loss": loss}
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        logs = {"loss": loss}


for cls in (Masked, Penalised, Stepped):
    model = cls()
    model.compile("adam")
    model.fit([[1.0]], [[1.0]])
