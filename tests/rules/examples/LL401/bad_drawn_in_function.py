import keras
import tensorflow as tf

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
opt = keras.optimizers.Adam()


def train():
    inputs, labels = tf.random.normal((32, 3)), tf.random.normal((32,))
    rows = tf.data.Dataset.from_tensor_slices((inputs, labels)).shuffle(32).batch(8)
    for _, (some, values) in enumerate(rows):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.abs(model(some) - values))  # expect: LL401
        opt.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))


train()
