import tensorflow as tf

def second(model, x, y):
    with tf.GradientTape(persistent=True) as outer:
        outer.watch([x, y])
        with tf.GradientTape() as inner:
            inner.watch(x)
            u = model(x, y)
        slope = inner.gradient(u, x)
    return outer.gradient(slope, x), outer.gradient(slope, y)

def of_weights(model, x):
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            u = model(x)
        penalty = tf.reduce_sum(inner.gradient(u, x) ** 2)
    return outer.gradient(penalty, model.trainable_variables)

def of_columns(model, points):
    with tf.GradientTape() as outer:
        x = points[:, :1]
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            u = model(tf.concat([x, points[:, 1:]], 1))
        slope = inner.gradient(u, x)
    return outer.gradient(slope, x)

def of_a_variable(model, x):
    x = tf.Variable(x)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            u = model(x)
        slope = inner.gradient(u, x)
    return outer.gradient(slope, x)

def slopes_at(model, x, watched):
    slopes = []
    for watch in (True, False):
        with tf.GradientTape() as tape:
            tape.watch(x)
            u = model(x)
        slopes.append(tape.gradient(u, x))
    return slopes

def slopes(block, x, dy):
    x = tf.identity(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = block(x)
    dx, *slopes = tape.gradient(y, [x] + block.trainable_variables, output_gradients=dy)
    return dx, slopes
