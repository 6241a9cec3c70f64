import tensorflow as tf
import torch.nn.functional as F


def agreement(p, z):
    p, z = tf.math.l2_normalize(p, axis=1), tf.math.l2_normalize(tf.stop_gradient(z), axis=1)
    return tf.reduce_mean(tf.reduce_sum(p * z, axis=1))  # expect: LL408


def siamese_step(encoder, predictor, first, second):
    with tf.GradientTape() as tape:
        za, zb = encoder(first, training=True), encoder(second, training=True)
        pa, pb = predictor(za, training=True), predictor(zb, training=True)
        loss = 0.5 * agreement(pa, zb) + 0.5 * agreement(pb, za)
        loss += 1e-5 * tf.add_n([tf.nn.l2_loss(w) for w in encoder.trainable_variables])
    return tape.gradient(loss, encoder.trainable_variables + predictor.trainable_variables)


def bootstrap_step(online, momentum, first, second):
    with tf.GradientTape() as tape:
        goal = momentum(second, training=False)
        p = tf.math.l2_normalize(online(first, training=True), axis=-1)
        similarity = tf.reduce_sum(p * tf.math.l2_normalize(goal, axis=-1), axis=-1)  # expect: LL408
        loss = tf.reduce_mean(similarity)
    return tape.gradient(loss, online.trainable_variables)


def train(net, head, loader, optimizer):
    for first, second in loader:
        za, zb = net(first), net(second)
        one = F.cosine_similarity(head(za), zb.detach(), dim=1).mean()  # expect: LL408
        two = F.cosine_similarity(head(zb), za.detach(), dim=1).mean()
        loss = (one + two) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
