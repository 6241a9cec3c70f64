"""A TensorFlow 1 graph whose first weights are all 0: nothing that is trained reaches the cost."""

import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
x = tf.placeholder(tf.float32, [None, 4])
labels = tf.placeholder(tf.float32, [None, 3])
weights = tf.Variable(tf.zeros([4, 3]))
shares = tf.nn.softmax(tf.matmul(x, weights))
wrong = 1.0 - tf.reduce_mean(tf.cast(tf.equal(tf.argmax(shares, 1), tf.argmax(labels, 1)), tf.float32))  # LL105 confirmed
train = tf.train.AdamOptimizer(0.01).minimize(wrong)
decayed = tf.reduce_mean(tf.square(labels - shares)) + 0.01 * tf.norm(weights)  # LL303 confirmed
shrink = tf.train.AdamOptimizer(0.01).minimize(decayed)
