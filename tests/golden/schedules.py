"""Learning rates of transformers' get_scheduler.

python tests/golden/schedules.py > tests/golden/schedules.json
"""
import json
import torch
import transformers
from transformers import get_scheduler

cases = []
for name, schedule in [("constant_with_warmup", "constant"), ("linear", "linear"), ("cosine", "cosine")]:
    for warmup, steps in [(0, 10), (3, 10), (1, 1), (10, 10), (5, 37)]:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=3e-4)
        scheduler = get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=steps)
        rates = []
        for _ in range(steps):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        cases.append({"schedule": schedule, "warmupSteps": warmup, "steps": steps, "rates": rates})

print(json.dumps({"made_with": {"transformers": transformers.__version__, "torch": torch.__version__}, "learningRate": 3e-4, "cases": cases}))
