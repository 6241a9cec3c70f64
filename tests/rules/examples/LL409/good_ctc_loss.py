import tensorflow as tf

def ctc_loss(logits, lengths, targets, sizes):
    cost = tf.nn.ctc_loss(targets, logits, sizes, lengths, logits_time_major=False, blank_index=-1)
    return tf.reduce_mean(cost)

def scripted_ctc_loss(logits, lengths, targets):
    return tf.reduce_mean(tf.compat.v1.nn.ctc_loss(labels=targets, inputs=logits, sequence_length=lengths))

def decoded(logits, lengths):
    return tf.nn.ctc_greedy_decoder(inputs=logits, sequence_length=lengths)
