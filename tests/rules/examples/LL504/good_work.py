import tensorflow as tf

def work(local_model, global_model, optimizer, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - local_model(x, training=True)))
    grads = tape.gradient(loss, local_model.trainable_weights)
    optimizer.apply_gradients(zip(grads, global_model.trainable_weights))
    local_model.set_weights(global_model.get_weights())
