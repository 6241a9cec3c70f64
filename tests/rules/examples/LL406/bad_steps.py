import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

class Net(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.body = layers.Dense(8, activation="relu")
        self.out = layers.Dense(4, "softmax")

    def call(self, x):
        return self.out(self.body(x))

def build():
    inp = layers.Input((6,))
    x = layers.Dense(8)(inp)
    return keras.Model(inputs=inp, outputs=layers.Activation("softmax")(x))

net, built = Net(), build()
probs = tf.keras.Sequential([layers.Dense(4), layers.Softmax()])
xent = keras.losses.CategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.Adam()

@tf.function
def step_of_class(x, y):
    with tf.GradientTape() as tape:
        loss = xent(y, net(x, training=True))  # expect: LL406
    optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))

def step_of_builder(x, y):
    with tf.GradientTape() as tape:
        out = built(x, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, out))  # expect: LL406
    optimizer.apply_gradients(zip(tape.gradient(loss, built.trainable_variables), built.trainable_variables))

def step_of_stack(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.categorical_crossentropy(y, probs(x), from_logits=True))  # expect: LL406
    optimizer.apply_gradients(zip(tape.gradient(loss, probs.trainable_variables), probs.trainable_variables))
