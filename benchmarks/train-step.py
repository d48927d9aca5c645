"""The step of train-step.ts in PyTorch: transformers' Llama with SmolLM2-135M's shapes, PEFT for LoRA, eager, gradients clipped at 1, fused AdamW, float32.

python benchmarks/train-step.py '{"method": "lora", "length": 512}'
"""
import json
import resource
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

options = {"method": "lora", "batch": 1, "length": 512, "steps": 5, "threads": 2, "rank": 8, "layers": 30, "optimizer": True}
options.update(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})
torch.set_num_threads(options["threads"])
torch.manual_seed(1)
model = LlamaForCausalLM(LlamaConfig(
    hidden_size=576, num_hidden_layers=options["layers"], num_attention_heads=9, num_key_value_heads=3, intermediate_size=1536, vocab_size=49152,
    tie_word_embeddings=True, rms_norm_eps=1e-5, rope_parameters={"rope_type": "default", "rope_theta": 100000.0}, use_cache=False))
if options["method"] == "lora":
    from peft import LoraConfig, get_peft_model
    model = get_peft_model(model, LoraConfig(r=options["rank"], lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"))
model.train()
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0, fused=True)
ids = torch.randint(0, 49152, (options["batch"], options["length"]))
times, steps, cpu = [], [], []
for i in range(options["steps"] + 2):
    t0, c0 = time.perf_counter(), time.process_time()
    optimizer.zero_grad()
    loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    t1 = time.perf_counter()
    if options["optimizer"]:
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
    t2 = time.perf_counter()
    if i >= 2:
        times.append((t2 - t0) * 1e3)
        cpu.append((time.process_time() - c0) * 1e3)
        steps.append((t1 - t0) * 1e3)
median = lambda x: sorted(x)[len(x) // 2]
print(json.dumps({
    **options, "medianMs": round(median(times)), "bestMs": round(min(times)), "cpuMs": round(min(cpu)), "withoutOptimizerMs": round(median(steps)),
    "tokensPerSecond": round(ids.numel() / median(times) * 1e3, 1), "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
