import tensorflow as tf


def classify(y, logits):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))


def distil(student, teacher, x, y):
    with tf.GradientTape() as tape:
        logits = student(x, training=True)
        hint = tf.reduce_mean(tf.square(logits - tf.stop_gradient(teacher(x))))
        loss = classify(y, logits) + 0.5 * hint
    return tape.gradient(loss, student.trainable_variables)


def both_trained(student, peer, x, y):
    with tf.GradientTape() as tape:
        logits, other = student(x, training=True), peer(x, training=True)
        pull = tf.reduce_mean(tf.square(tf.stop_gradient(logits) - other))
        loss = classify(y, logits) + 0.5 * pull
    return tape.gradient(loss, student.trainable_variables + peer.trainable_variables)


def actor_and_critic(actor, critic, goal, state, reward):
    with tf.GradientTape(persistent=True) as tape:
        action = actor(state, training=True)
        value = critic(tf.concat([state, tf.stop_gradient(action)], axis=1), training=True)
        wanted = tf.stop_gradient(reward + 0.9 * goal(tf.concat([state, action], axis=1)))
        loss = -tf.reduce_mean(critic(tf.concat([state, action], axis=1))) + tf.reduce_mean(tf.square(value - wanted))
    return tape.gradient(loss, actor.trainable_variables), tape.gradient(loss, critic.trainable_variables)


def quantised(encoder, decoder, book, x):
    with tf.GradientTape() as tape:
        z = encoder(x, training=True)
        q = book(z)
        commitment = tf.reduce_mean(tf.square(z - tf.stop_gradient(q)))
        loss = tf.reduce_mean(tf.square(x - decoder(z + tf.stop_gradient(q - z), training=True))) + 0.25 * commitment
    return tape.gradient(loss, encoder.trainable_variables + decoder.trainable_variables)


def logged(student, teacher, x, y):
    with tf.GradientTape() as tape:
        logits = student(x, training=True)
        gap = tf.stop_gradient(tf.reduce_mean(tf.abs(logits - teacher(x))))
        loss = classify(y, logits) + gap
    return tape.gradient(loss, student.trainable_variables)
