import tensorflow as tf

def step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        wrong = tf.cast(model(x) > 0.5, tf.float32) - y  # expect: LL106
        loss = tf.reduce_mean(tf.abs(wrong))
    grads = tape.gradient(loss, model.trainable_variables, unconnected_gradients="zero")  # expect: LL504
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
