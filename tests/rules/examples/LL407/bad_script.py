import tensorflow as tf

net, optimizer = tf.keras.layers.Dense(1), tf.keras.optimizers.Adam()
ages = tf.constant([[31], [58]], dtype=tf.int64)
features = tf.random.normal((2, 3))

with tf.GradientTape() as tape:
    loss = tf.reduce_mean(tf.abs(ages - net(features)))  # expect: LL407
optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
