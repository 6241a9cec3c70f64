import tensorflow as tf


def only_the_head(encoder, head, optimizer, x, y):
    embedding = encoder(x, training=False)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - head(embedding, training=True)))
    optimizer.apply_gradients(zip(tape.gradient(loss, head.trainable_variables), head.trainable_variables))


def split(encoder, head, x, y):
    with tf.GradientTape() as first:
        embedding = encoder(x, training=True)
    with tf.GradientTape() as second:
        second.watch(embedding)
        loss = tf.reduce_mean(tf.square(y - head(embedding, training=True)))
    slope, *of_head = second.gradient(loss, [embedding, *head.trainable_variables])
    return first.gradient(embedding, encoder.trainable_variables, output_gradients=slope), of_head


def logged_before(encoder, head, x, y):
    before = encoder(x, training=False)
    with tf.GradientTape() as tape:
        after = encoder(x, training=True)
        drift = tf.reduce_mean(tf.square(after - before))
        loss = tf.reduce_mean(tf.square(y - head(after, training=True))) + 0.1 * drift
    return tape.gradient(loss, encoder.trainable_variables + head.trainable_variables)


def critic_alone(generator, critic, noise, real):
    fake = generator(noise, training=True)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(critic(fake, training=True)) - tf.reduce_mean(critic(real, training=True))
    return tape.gradient(loss, critic.trainable_variables)


def with_penalty(encoder, head, x, y):
    embedding = encoder(x)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - head(embedding)))
        loss += 1e-4 * tf.add_n([tf.nn.l2_loss(w) for w in encoder.trainable_variables])
    return tape.gradient(loss, encoder.trainable_variables + head.trainable_variables)
