import tensorflow as tf

def shown(values):
    tf.print("mean", tf.reduce_mean(values))

def halves(values):
    for half in tf.split(values, 2, axis=-1):
        yield half

class Prepared(tf.keras.losses.Loss):
    def __init__(self, task="none"):
        super().__init__()
        self.task = task

    def prepared(self, y_true, y_pred):
        if self.task == "scaled":
            return y_true * 2.0, y_pred

    def call(self, y_true, y_pred):
        label, output = self.prepared(y_true, y_pred)
        return tf.reduce_mean(tf.square(label - output), axis=-1)

class Parted(tf.keras.losses.Loss):
    def weights(self, values):
        "None, unless a subclass has some."

    def parts(self, values):
        pass

    def call(self, y_true, y_pred):
        shown(y_pred)
        first, second = halves(y_pred)
        scale, shift = self.parts(y_pred)
        weights = self.weights(y_true)
        error = tf.square(y_true - first * scale - second * shift)
        return tf.reduce_mean(error if weights is None else error * weights, axis=-1)
