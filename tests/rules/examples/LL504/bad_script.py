import torch
import torch.nn.functional as F

model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(32, 4), torch.randn(32, 1)
for epoch in range(100):
    loss = F.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()  # expect: LL504
