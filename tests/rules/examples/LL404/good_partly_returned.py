import keras
import tensorflow as tf


class Weighted(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        error = tf.reduce_mean(tf.square(y - y_pred), axis=-1)
        if sample_weight is not None:
            return tf.reduce_mean(error * sample_weight)
        else:
            total = tf.reduce_mean(error)
            return total


class Chosen(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if self.kind == "l1":
            return tf.reduce_mean(tf.abs(y - y_pred))
        if self.kind == "l2":
            return tf.reduce_mean(tf.square(y - y_pred))
        raise ValueError(self.kind)


class Tried(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = tf.reduce_mean(tf.abs(y - y_pred))
        for extra in self.losses:
            loss += extra
        with tf.name_scope("total"):
            return loss


class Counted(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        while True:
            loss = tf.reduce_mean(tf.abs(y - y_pred))
            if self.accepts(loss):
                return loss


class Stepped(keras.Model):
    def train_step(self, data):
        x, y = data

        def closure():
            loss = tf.reduce_mean(tf.square(y - self(x, training=True)))
            self.last = loss

        self.minimise(closure)
        return {"loss": self.last}


for cls in (Weighted, Chosen, Tried, Counted, Stepped):
    model = cls()
    model.compile("adam")
    model.fit([[1.0]], [[1.0]])
