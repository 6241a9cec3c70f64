import tensorflow as tf

class Model(tf.keras.Model):
    def dedup(self, weights):
        out = []
        for w in weights:
            if id(w) not in out:
                out.append(w)
        return out

    @property
    def weights_of(self):
        trainable_variables = []
        for obj in self._self_tracked:
            trainable_variables += obj.trainable_variables
        trainable_variables += self._trainable_weights
        return self.dedup(trainable_variables)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(x) - y))
        g = tape.gradient(loss, self.weights_of)
        self.optimizer.apply_gradients(zip(g, self.weights_of))
        return {"loss": loss}
