import flax.linen as nn
import jax
import optax

class Classifier(nn.Module):
    classes: int = 3

    def setup(self):
        self.hidden = nn.Dense(16)
        self.head = nn.Dense(self.classes)

    def __call__(self, x, train=True):
        return self.head(nn.relu(self.hidden(x)))

model = Classifier()

def class_loss(params, x, y, key):
    scores = model.apply({"params": params}, x, train=True, rngs={"dropout": key})
    return optax.softmax_cross_entropy_with_integer_labels(scores, y).mean()

def likelihood_loss(params, x, y):
    p = nn.softmax(model.apply({"params": params}, x))
    return optax.losses.kl_divergence(nn.log_softmax(model.apply({"params": params}, x)), y).mean() + 0.1 * p.max()

gradients = [jax.grad(class_loss), jax.grad(likelihood_loss)]
