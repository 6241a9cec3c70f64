import tensorflow as tf

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])

def step(x, y):
    with tf.GradientTape() as tape:
        l2 = tf.add_n([tf.nn.l2_loss(w) for w in model.trainable_weights if "bias" not in w.name])
        loss = tf.reduce_mean(tf.square(model(x) - y)) + 1e-3 * l2
    gradients = tape.gradient(loss, model.trainable_weights)
    print(float(l2))
    return [tf.clip_by_norm(g, 1.0) for g, w in zip(gradients, model.trainable_weights)]
