import tensorflow as tf

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
opt = tf.keras.optimizers.Adam()
metric = tf.keras.metrics.MeanSquaredError()


def bad_step(x, y):
    with tf.GradientTape() as tape:
        p = model(x, training=True)
        metric.update_state(y, p)
        loss = metric.result()  # expect: LL105
    grads = tape.gradient(loss, model.trainable_variables)
    opt.apply_gradients(zip(grads, model.trainable_variables))


def bad_call(x, y):
    with tf.GradientTape() as tape:
        loss = metric(y, model(x, training=True))  # expect: LL105
    grads = tape.gradient(loss, model.trainable_variables)
    opt.apply_gradients(zip(grads, model.trainable_variables))


class Tracked(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.d = tf.keras.layers.Dense(1)
        self.loss_metric = tf.keras.metrics.Mean()

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            error = tf.reduce_mean(tf.square(y - self.d(x)))
            self.loss_metric.update_state(error)
            loss = self.loss_metric.result()  # expect: LL105
        g = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(g, self.trainable_variables))
        return {"loss": loss}
