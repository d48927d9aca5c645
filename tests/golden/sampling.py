"""Writes sampling.json: which tokens transformers' logits processors leave, with which probabilities.

python tests/golden/sampling.py   (torch, transformers; versions are recorded in the golden)
"""
import json
import pathlib

import torch
import transformers
from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

torch.manual_seed(0)
cases = []
settings = [(1.0, 0, 1.0), (0.7, 0, 1.0), (1.0, 5, 1.0), (1.0, 0, 0.9), (1.5, 0, 0.5), (0.7, 20, 0.95), (2.0, 3, 0.4), (1.0, 1, 0.9), (0.3, 0, 0.05), (1.0, 200, 0.99)]
for temperature, top_k, top_p in settings:
    for n in (7, 50):
        # Rounded so that the JSON holds them exactly; in float64, so that no rounding of a cumulative sum decides.
        logits = (torch.randn(n, dtype=torch.float64) * 3).round(decimals=4)
        if n == 50:
            logits[7] = logits[3]  # a tie
        processors = LogitsProcessorList([TemperatureLogitsWarper(temperature)])
        if top_k:
            processors.append(TopKLogitsWarper(top_k))
        if top_p < 1:
            processors.append(TopPLogitsWarper(top_p))
        probabilities = processors(None, logits[None])[0].softmax(-1)
        ids = probabilities.nonzero()[:, 0].tolist()
        cases.append({"temperature": temperature, "topK": top_k, "topP": top_p, "logits": logits.tolist(), "ids": ids, "probabilities": probabilities[ids].tolist()})

out = pathlib.Path(__file__).parent / "sampling.json"
lines = ",\n".join(json.dumps(case) for case in cases)
out.write_text(f'{{"from": {json.dumps({"torch": torch.__version__, "transformers": transformers.__version__})},\n"cases": [\n{lines}\n]}}\n')
