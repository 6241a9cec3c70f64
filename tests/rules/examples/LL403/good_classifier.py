import keras
import tensorflow as tf

class Classifier(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            p = self(x, training=True)
            q = self(x + 0.1, training=True)
            loss = keras.ops.mean(keras.losses.binary_crossentropy(y, p) + keras.losses.mean_squared_error(p, y))
            loss += keras.ops.mean(keras.losses.categorical_crossentropy(tf.stop_gradient(p), q))
            loss += keras.ops.mean(keras.losses.kl_divergence(p, y) + keras.losses.kl_divergence(y, p))
            loss += keras.ops.mean(keras.losses.binary_crossentropy(tf.ones_like(p), p))
            loss += keras.ops.mean(keras.losses.categorical_crossentropy(p, keras.ops.softmax(x)))
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
        return {"loss": loss}
