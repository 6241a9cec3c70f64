import tensorflow as tf

def second(model, x):
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            u = model(x)
        slope = inner.gradient(u, x)
    return outer.gradient(slope, x)  # expect: LL502

def step(x, y):
    scale = tf.Variable(1.0, trainable=False)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(scale * x - y))
    return tape.gradient(loss, [scale])  # expect: LL502
