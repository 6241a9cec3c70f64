import tensorflow as tf

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])

def step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(x) - y))
        for w in model.trainable_weights:
            loss += 1e-3 * float(tf.reduce_sum(tf.abs(w)))  # expect: LL112
    return tape.gradient(loss, model.trainable_weights)
