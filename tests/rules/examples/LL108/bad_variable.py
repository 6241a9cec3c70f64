import torch
import torch.nn.functional as F
from torch.autograd import Variable

def train_step(model, optimizer, x, y):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(Variable(x)), Variable(y))
    loss = Variable(loss, requires_grad=True)  # expect: LL108
    loss.backward()
    optimizer.step()
