import tensorflow as tf

net = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu"), tf.keras.layers.Dense(1)])

def step():
    x, y = tf.random.normal((32, 4)), tf.random.normal((32,))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(net(x) - y))  # expect: LL401
    return tape.gradient(loss, net.trainable_variables)
