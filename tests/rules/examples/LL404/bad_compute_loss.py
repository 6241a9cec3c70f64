import keras
import tensorflow as tf

class Penalised(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):  # expect: LL404
        loss = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        loss = loss + 0.1 * tf.reduce_mean(tf.square(y_pred))

class Stepping(keras.Model):
    def train_step(self, data):  # expect: LL404
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - self(x, training=True)))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))

class Tested(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - self(x, training=True)))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {"loss": loss}

    def test_step(self, data):  # expect: LL404
        x, y = data
        loss = tf.reduce_mean(tf.square(y - self(x, training=False)))

inputs = keras.Input((4,))
for kind in (Penalised, Stepping, Tested):
    model = kind(inputs, keras.layers.Dense(1)(inputs))
    model.compile("adam", "mse")
    model.fit([[0.0] * 4], [[1.0]], validation_data=([[0.0] * 4], [[1.0]]))
