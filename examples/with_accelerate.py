"""Train with Hugging Face accelerate, gradient accumulation, clipping and a saved state.

pip install 'lpwd[app,recipes]' && python examples/with_accelerate.py      # under 10 s on one core
"""

import tempfile

import torch
from accelerate import Accelerator
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import lpwd

digits = load_digits()
pixels = torch.tensor(digits.data, dtype=torch.float32) / 16  # [1797, 64] in 0..1
train = TensorDataset(pixels[:1200], torch.tensor(digits.target[:1200]))
test = TensorDataset(pixels[1200:], torch.tensor(digits.target[1200:]))

torch.manual_seed(0)
accelerator = Accelerator(gradient_accumulation_steps=2)
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = lpwd.build_optimizer(
    model, "adam", "lpwd", lr=1e-3, weight_decay=0.5
)  # before prepare, which wraps the layers
model, optimizer, train_batches, test_batches = accelerator.prepare(
    model, optimizer, DataLoader(train, batch_size=32, shuffle=True), DataLoader(test, batch_size=256)
)


def top1() -> float:
    """Return test top-1 in percent; evaluation mode does not decay."""
    model.eval()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in test_batches)
    model.train()
    return 100 * right / len(test)


for epoch in range(1, 11):
    for x, y in train_batches:
        with accelerator.accumulate(model):  # decays once per optimizer step, not per forward pass
            loss = cross_entropy(model(x), y)
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
    print(f"epoch {epoch:2}  loss {loss.item():.4f}  top-1 {top1():.2f}")

with tempfile.TemporaryDirectory() as folder:
    accelerator.save_state(folder)
    before = top1()
    nn.init.zeros_(accelerator.unwrap_model(model)[4].weight)
    accelerator.load_state(folder)
    print(f"saved and loaded: top-1 {before:.2f} before, {top1():.2f} after")
