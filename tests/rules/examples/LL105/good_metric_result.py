import tensorflow as tf

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
opt = tf.keras.optimizers.Adam()
train_loss = tf.keras.metrics.Mean(name="train_loss")
mse = tf.keras.metrics.MeanSquaredError()


@tf.function
def clean1(x, y):
    with tf.GradientTape() as tape:
        p = model(x, training=True)
        loss = tf.reduce_mean(tf.square(y - p))
        train_loss.update_state(loss)
        mse.update_state(y, p)
        tf.print(train_loss.result(), mse.result())
    grads = tape.gradient(loss, model.trainable_variables)
    opt.apply_gradients(zip(grads, model.trainable_variables))
    return train_loss.result()


def clean2(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - model(x, training=True)))
        train_loss(loss)
    grads = tape.gradient(loss, model.trainable_variables)
    opt.apply_gradients(zip(grads, model.trainable_variables))
    return train_loss.result()


def clean3(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - model(x, training=True)))
        scale = mse.result()
        loss = loss / tf.stop_gradient(scale + 1.0)
    grads = tape.gradient(loss, model.trainable_variables)
    opt.apply_gradients(zip(grads, model.trainable_variables))


class Tracked(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.d = tf.keras.layers.Dense(1)
        self.tracker = tf.keras.metrics.Mean(name="loss")
        self.mae = tf.keras.metrics.MeanAbsoluteError()

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            p = self.d(x)
            loss = self.compute_loss(y=y, y_pred=p)
            self.tracker.update_state(loss)
            self.mae.update_state(y, p)
            logs = {"loss": self.tracker.result(), "mae": self.mae.result()}
        g = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(g, self.trainable_variables))
        return logs


class Acc:
    def update_state(self, y, p):
        self.v = tf.reduce_mean(tf.square(y - p))

    def result(self):
        return self.v


def clean4(x, y):
    acc = Acc()
    with tf.GradientTape() as tape:
        acc.update_state(y, model(x, training=True))
        loss = acc.result()
    return tape.gradient(loss, model.trainable_variables)
