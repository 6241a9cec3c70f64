import tensorflow as tf

def first_order_step(model, copied, optimizer, x, y):
    fast = copied(model)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - fast(x, training=True)))
    grads = tape.gradient(loss, fast.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
