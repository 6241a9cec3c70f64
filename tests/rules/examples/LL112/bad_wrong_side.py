import tensorflow as tf


def classify(y, logits):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))


def distil(student, teacher, optimizer, x, y):
    with tf.GradientTape() as tape:
        logits = student(x, training=True)
        guide = teacher(x, training=False)
        hint = tf.reduce_mean(tf.square(tf.stop_gradient(logits) - guide))  # expect: LL112
        loss = classify(y, logits) + 0.5 * hint
    optimizer.apply_gradients(zip(tape.gradient(loss, student.trainable_variables), student.trainable_variables))


def divergence(student, teacher, x, y):
    with tf.GradientTape() as tape:
        logits = student(x, training=True)
        ours = tf.stop_gradient(tf.nn.softmax(logits / 4.0))  # expect: LL112
        soft = tf.keras.losses.KLDivergence()(tf.nn.softmax(teacher(x) / 4.0), ours)
        loss = classify(y, logits) + 16.0 * tf.reduce_mean(soft)
    return tape.gradient(loss, student.trainable_variables)


def feature_matching(generator, critic, noise, real):
    with tf.GradientTape() as tape:
        fake = generator(noise, training=True)
        frozen = tf.stop_gradient(fake)  # expect: LL112
        gap = critic(frozen) - critic(real)
        loss = -tf.reduce_mean(critic(fake)) + 10.0 * tf.reduce_mean(tf.abs(gap))
    return tape.gradient(loss, generator.trainable_variables)
