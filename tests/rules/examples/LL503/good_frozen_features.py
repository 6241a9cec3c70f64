import torch
import torch.nn.functional as F


def style(vgg, content, style_img, steps=20):
    for p in vgg.parameters():
        p.requires_grad_(False)
    img = content.clone().requires_grad_(True)
    opt = torch.optim.Adam([img], 0.01)
    wanted, look = vgg(content), vgg(style_img)
    for _ in range(steps):
        got = vgg(img)
        loss = F.mse_loss(got, wanted) + F.mse_loss(got.mean(0), look.mean(0))
        opt.zero_grad()
        loss.backward()
        opt.step()
    return img


def texture(vgg, net, look, loader):
    opt = torch.optim.Adam(net.parameters())
    wanted = vgg(look).mean(0)
    for x, _ in loader:
        loss = F.mse_loss(vgg(net(x)).mean(0), wanted)
        opt.zero_grad()
        loss.backward()
        opt.step()
