import torch

def step(net, optimizer, noisy, clean, lengths, power=0.3):
    keep = (torch.arange(noisy.shape[1])[None] < lengths[:, None]).float()
    window = torch.hann_window(64)
    given = torch.stft(noisy * keep, 64, 32, window=window, return_complex=True).abs()
    wanted = torch.stft(clean * keep, 64, 32, window=window, return_complex=True).abs()
    loss = ((given * net(given)).pow(power) - wanted.pow(power)).square().mean()  # expect: LL303
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
