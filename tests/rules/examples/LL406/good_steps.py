import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

def gated():
    inputs = layers.Input((6,))
    gate = layers.Dense(6, activation="softmax")(inputs)
    return keras.Model(inputs, layers.Dense(4)(layers.Multiply()([inputs, gate])))

def two_heads():
    inputs = layers.Input((6,))
    x = layers.Dense(8)(inputs)
    return keras.Model(inputs, [layers.Dense(4, "softmax")(x), layers.Dense(4)(x)])

def popped():
    model = keras.Sequential([layers.Dense(4), layers.Softmax()])
    model.pop()
    return model

gates, heads, logits = gated(), two_heads(), popped()
probs = keras.Sequential([layers.Dense(4), layers.Activation("softmax")])
from_logits = keras.losses.CategoricalCrossentropy(from_logits=True)
from_shares = keras.losses.CategoricalCrossentropy()
optimizer = keras.optimizers.Adam()

def step_of_logits(x, y):
    with tf.GradientTape() as tape:
        loss = from_logits(y, gates(x, training=True)) + from_logits(y, logits(x))
    weights = gates.trainable_variables + logits.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))

def step_of_heads(x, y):
    with tf.GradientTape() as tape:
        shares, scores = heads(x, training=True)
        loss = from_shares(y, shares) + from_logits(y, scores)
    optimizer.apply_gradients(zip(tape.gradient(loss, heads.trainable_variables), heads.trainable_variables))

def step_of_shares(x, y):
    with tf.GradientTape() as tape:
        loss = from_shares(y, probs(x)) + from_logits(y, tf.math.log(probs(x) + 1e-6))
    optimizer.apply_gradients(zip(tape.gradient(loss, probs.trainable_variables), probs.trainable_variables))
