import tensorflow as tf

count = tf.Variable(0.0, trainable=False)
total = tf.Variable(0.0)
weights = tf.Variable([1.0, 2.0])

def step(optimizer):
    count.assign_add(1.0)
    total.assign_add(2.0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(weights)) / count + tf.reduce_sum(weights) / total
    optimizer.apply_gradients(zip(tape.gradient(loss, [weights]), [weights]))
