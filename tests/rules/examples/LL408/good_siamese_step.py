import tensorflow as tf
import torch.nn.functional as F


def agreement(p, z):
    p, z = tf.math.l2_normalize(p, axis=1), tf.math.l2_normalize(tf.stop_gradient(z), axis=1)
    return tf.reduce_mean(tf.reduce_sum(p * z, axis=1))


def siamese_step(encoder, predictor, first, second):
    with tf.GradientTape() as tape:
        za, zb = encoder(first, training=True), encoder(second, training=True)
        pa, pb = predictor(za, training=True), predictor(zb, training=True)
        loss = -0.5 * agreement(pa, zb) - 0.5 * agreement(pb, za)
    return tape.gradient(loss, encoder.trainable_variables + predictor.trainable_variables)


def bootstrap_step(online, momentum, first, second):
    with tf.GradientTape() as tape:
        loss = 2.0 - 2.0 * agreement(online(first, training=True), momentum(second))
    return tape.gradient(loss, online.trainable_variables)


def diverse_step(base, other, head, x, y):
    with tf.GradientTape() as tape:
        features = other(x, training=True)
        task = tf.reduce_mean(tf.square(y - head(features)))
        loss = task + 0.1 * agreement(features, base(x))
    return tape.gradient(loss, other.trainable_variables + head.trainable_variables)


def contrastive_step(encoder, anchor, positive, negative):
    with tf.GradientTape() as tape:
        a = encoder(anchor, training=True)
        loss = agreement(a, encoder(negative)) - agreement(a, encoder(positive))
    return tape.gradient(loss, encoder.trainable_variables)


def perturbed(model, image, delta):
    with tf.GradientTape() as tape:
        tape.watch(delta)
        loss = agreement(model(image + delta), model(image))
    return delta - 0.1 * tf.sign(tape.gradient(loss, delta))


def attack(model, image, steps=10):
    clean = model(image).detach()
    noisy = image.clone().requires_grad_(True)
    for _ in range(steps):
        loss = F.cosine_similarity(model(noisy), clean, dim=1).mean()
        loss.backward()
        noisy.data -= 0.01 * noisy.grad.sign()
        noisy.grad.zero_()
    return noisy


def train(net, head, loader, optimizer):
    for first, second in loader:
        za, zb = net(first), net(second)
        loss = 1 - F.cosine_similarity(head(za), zb.detach(), dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
