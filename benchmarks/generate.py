"""The generation of generate.ts with transformers' generate: SmolLM2-135M's shapes, random weights, eager, float32, dynamic cache.

python benchmarks/generate.py '{"rows": 1, "prompt": 64, "tokens": 64}'
"""
import json
import resource
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

options = {"rows": 1, "prompt": 64, "tokens": 64, "repeats": 3, "threads": 2, "layers": 30}
options.update(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})
torch.set_num_threads(options["threads"])
torch.manual_seed(1)
model = LlamaForCausalLM(LlamaConfig(
    hidden_size=576, num_hidden_layers=options["layers"], num_attention_heads=9, num_key_value_heads=3, intermediate_size=1536, vocab_size=49152,
    tie_word_embeddings=True, rms_norm_eps=1e-5, rope_parameters={"rope_type": "default", "rope_theta": 100000.0})).eval()
ids = torch.randint(0, 49152, (options["rows"], options["prompt"]))
seconds, cpu = [], []
with torch.inference_mode():
    for i in range(options["repeats"] + 1):
        t, c = time.perf_counter(), time.process_time()
        model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=options["tokens"], min_new_tokens=options["tokens"], do_sample=False, pad_token_id=0)
        if i:
            seconds.append(time.perf_counter() - t)
            cpu.append(time.process_time() - c)
total = options["rows"] * options["tokens"]
print(json.dumps({
    **options, "tokensPerSecond": round(total / sorted(seconds)[len(seconds) // 2], 1), "best": round(total / min(seconds), 1),
    "cpuMsPerToken": round(min(cpu) * 1000 / total, 1), "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
