# mypy: ignore-errors
"""Scripts in the manner of TensorFlow 1: placeholders, sessions, optimizer.minimize on an expression."""

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()

x = tf.placeholder(tf.float32, [None, 4])
labels = tf.placeholder(tf.float32, [None, 3])
w = tf.get_variable("w", [4, 3])
logits = tf.matmul(x, w)
probabilities = tf.nn.softmax(logits)


def margin_loss(labels, logits, margin=0.2):
    return tf.reduce_mean(tf.maximum(0.0, margin + logits - labels))


def hard_margin_loss(labels, logits):
    wrong = tf.to_float(tf.not_equal(tf.argmax(labels, 1), tf.argmax(logits, 1)))  # expect: LL105
    return tf.reduce_mean(wrong)


def numpy_loss(labels, logits):
    return tf.reduce_mean(tf.abs(labels - np.tanh(logits)))  # expect: LL101


def branching_loss(labels, logits):
    loss = tf.reduce_mean(tf.square(labels - logits))
    if loss > 1.0:  # expect: LL201
        loss = tf.sqrt(loss)
    return loss


cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits))
regulariser = 0.01 * tf.nn.l2_loss(w)
train_op = tf.train.AdamOptimizer(0.01).minimize(cross_entropy + regulariser)

correct = tf.equal(tf.argmax(probabilities, 1), tf.argmax(labels, 1))
accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))

error_rate = 1.0 - tf.reduce_mean(tf.cast(tf.equal(tf.round(probabilities), labels), tf.float32))  # expect: LL105
bad_op = tf.train.GradientDescentOptimizer(0.1).minimize(error_rate)

margin_op = tf.train.AdamOptimizer().minimize(margin_loss(labels, logits))
hard_op = tf.train.AdamOptimizer().minimize(hard_margin_loss(labels, logits))

huber = tf.losses.huber_loss(labels, logits, delta=0.5)
gradients = tf.gradients(huber, [w])
update = tf.assign(w, w - 0.1 * gradients[0])


def train(batches):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for inputs, targets in batches:
            value, _ = session.run([cross_entropy, train_op], {x: inputs, labels: targets})
            print(np.mean(value))
