import tensorflow as tf

def sparse_loss(labels, logits):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))

def step(model, optimizer, x, labels):
    with tf.GradientTape() as tape:
        loss = sparse_loss(labels, model(x, training=True))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
