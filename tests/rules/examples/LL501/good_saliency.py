import tensorflow as tf

def saliency(model, x, label):
    features = model.encoder(x)
    with tf.GradientTape() as tape:
        tape.watch(features)
        score = tf.reduce_sum(features * label)
    return tape.gradient(score, features)

def by_output(model, x, y):
    prediction = model(x, training=True)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([prediction])
        loss = tf.reduce_mean(tf.square(y - prediction))
        again = loss + tf.reduce_mean(tf.square(y - model(x)))
    return tape.gradient(loss, prediction), tape.gradient(again, model.trainable_variables)

def both(model, head, x, y):
    hidden = model(x)
    with tf.GradientTape() as tape:
        tape.watch(hidden)
        loss = tf.reduce_mean(tf.square(y - head(hidden)))
    slopes = tape.gradient(loss, [hidden] + head.trainable_variables)
    return slopes

def chained(model, x, y):
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        h = model(x)
        loss = tf.reduce_mean(tf.square(h - y))
        slope = tape.gradient(h, x)
    upstream = tape.gradient(loss, h)
    return tape.gradient(h, x, output_gradients=upstream), tape.gradient(slope, x)

def weighted(model, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        u = model(x)
    with tf.GradientTape() as other:
        other.watch(x)
        loss = tf.reduce_sum(tape.gradient(u, x) * model(x))
    return other.gradient(loss, x)

def slope(x):
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = x**3
        first = inner.gradient(y, x)
    return outer.gradient(first, x)
