import tensorflow as tf

def ctc_loss(logits, lengths, targets):
    cost = tf.nn.ctc_loss(labels=targets, inputs=logits, sequence_length=lengths)  # expect: LL409
    return tf.reduce_mean(cost)
