import torch.nn.functional as F

def distill(outputs, features, teacher, x):
    scores = teacher(x)
    loss = F.cross_entropy(outputs, scores.argmax(1)) + F.mse_loss(features.float(), (scores > 0).float())
    loss.backward()

def encode(net, x, device):
    loss = F.mse_loss(net.to(device).encode(x).float(), net.head(x).argmax(1).float())
    loss.backward()

def pick(net, x, y):
    p = net(x)
    loss = (F.cross_entropy(p, y.long().view(-1), reduction="none") * (p.argmax(1) != y.long()).float()).mean()
    loss.backward()
