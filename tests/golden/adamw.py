"""What torch.optim.AdamW and clip_grad_norm_ do to three small tensors in six steps, with and without decay and clipping.

python tests/golden/adamw.py > tests/golden/adamw.json
"""
import json
import torch

torch.manual_seed(11)
shapes = {"layers.0.mlp.up_proj.weight": [5, 7], "layers.0.input_layernorm.weight": [7], "head.bias": [3]}
start = {name: torch.randn(shape) for name, shape in shapes.items()}
gradients = [{name: torch.randn(shape) * (10.0 if step == 3 else 0.3) for name, shape in shapes.items()} for step in range(6)]
rates = [0.0, 1e-3, 2e-3, 1e-2, 5e-3, 1e-4]
no_decay = {"layers.0.input_layernorm.weight", "head.bias"}
flat = lambda tensors: {name: t.detach().flatten().tolist() for name, t in tensors.items()}

cases = []
for weight_decay, max_norm in [(0.0, 0.0), (0.1, 1.0)]:
    params = {name: torch.nn.Parameter(t.clone()) for name, t in start.items()}
    groups = [
        {"params": [p for n, p in params.items() if n not in no_decay], "weight_decay": weight_decay},
        {"params": [p for n, p in params.items() if n in no_decay], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, foreach=False, fused=False)
    norms, after = [], []
    for rate, gradient in zip(rates, gradients):
        for group in optimizer.param_groups:
            group["lr"] = rate
        for name, p in params.items():
            p.grad = gradient[name].clone()
        norms.append(float(torch.nn.utils.clip_grad_norm_(params.values(), max_norm if max_norm > 0 else float("inf"))))
        optimizer.step()
        after.append(flat(params))
    cases.append({"weightDecay": weight_decay, "maxNorm": max_norm, "norms": norms, "after": after})

print(json.dumps({
    "made_with": {"torch": torch.__version__}, "shapes": shapes, "rates": rates,
    "start": flat(start), "gradients": [flat(g) for g in gradients], "cases": cases,
}))
