import tensorflow as tf


def warm_up(encoder, head, optimizer, batches):
    encoder.trainable = False
    for x, y in batches:
        embedding = encoder(x, training=False)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - head(embedding, training=True)))
        variables = encoder.trainable_variables + head.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
