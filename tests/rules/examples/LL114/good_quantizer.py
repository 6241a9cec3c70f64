import tensorflow as tf

class Quantizer(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = tf.keras.layers.Dense(4), tf.keras.layers.Dense(3)
        self.codes = tf.keras.layers.Embedding(16, 4)

    def train_step(self, x):
        with tf.GradientTape() as tape:
            hidden = self.encoder(x)
            code = self.codes(tf.argmax(hidden, axis=-1))
            code = hidden + tf.stop_gradient(code - hidden)
            loss = tf.reduce_mean(tf.square(self.decoder(code) - x))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {"loss": loss}
