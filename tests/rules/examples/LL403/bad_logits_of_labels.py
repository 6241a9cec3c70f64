import tensorflow as tf

class Net(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = tf.keras.layers.Dense(3, activation="softmax")

    def call(self, x):
        return self.dense(x)

    def train_model(self, batches, optimizer):
        for X, Y in batches:
            with tf.GradientTape() as tape:
                shares = self.call(X)
                loss = tf.nn.softmax_cross_entropy_with_logits(shares, Y)  # expect: LL403
            gradients = tape.gradient(loss, self.trainable_variables)
            optimizer.apply_gradients(zip(gradients, self.trainable_variables))

def step(model, x, targets):
    with tf.GradientTape() as tape:
        out = model(x)
        loss = tf.keras.losses.binary_crossentropy(out, targets)  # expect: LL403
    return tape.gradient(loss, model.trainable_variables)
