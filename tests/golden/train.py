"""Twenty steps of full tuning and of LoRA on a tiny random Llama, by transformers, PEFT and torch.optim.AdamW.

python tests/golden/train.py        writes tests/golden/train/
"""
import json
import math
import os
import shutil
import torch
import peft
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM, get_scheduler
from transformers.trainer_pt_utils import get_parameter_names

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "train")
SEED, EPOCHS, BATCH, ACCUMULATION = 7, 10, 4, 2
RATE, WARMUP, DECAY, MAX_NORM = 5e-3, 3, 0.1, 1.0
RANK, ALPHA = 4, 8


def philox(counter, key):
    """Philox4x32-10 (Salmon et al., 2011)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def order(rows, epoch):
    words = [philox((row, 0, epoch, 0), (SEED, 0)) for row in range(rows)]
    return sorted(range(rows), key=lambda row: (words[row][0] >> 5) * 67108864 + (words[row][1] >> 6))


def chunks(values, size):
    return [values[i:i + size] for i in range(0, len(values), size)]


def loss_of(model, rows, batch):
    """The sum over the supervised tokens of a padded batch."""
    length = max(len(rows[r]["ids"]) for r in batch)
    pad = lambda values: values + [0] * (length - len(values))
    ids = torch.tensor([pad(rows[r]["ids"]) for r in batch])
    mask = torch.tensor([pad(rows[r]["mask"]) for r in batch])
    seen = torch.tensor([pad([1] * len(rows[r]["ids"])) for r in batch])
    logits = model(input_ids=ids, attention_mask=seen).logits[:, :-1].float()
    each = torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
    return (each * mask[:, 1:]).sum(), int(mask[:, 1:].sum())


def trace(model, rows):
    named = {n: p for n, p in model.named_parameters() if p.requires_grad}
    patterns = [r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"]
    decayed = set(get_parameter_names(model, [torch.nn.LayerNorm], patterns))
    optimizer = torch.optim.AdamW([
        {"params": [p for n, p in named.items() if n in decayed], "weight_decay": DECAY},
        {"params": [p for n, p in named.items() if n not in decayed], "weight_decay": 0.0},
    ], lr=RATE, betas=(0.9, 0.999), eps=1e-8)
    per_epoch = math.ceil(math.ceil(len(rows) / BATCH) / ACCUMULATION)
    scheduler = get_scheduler("cosine", optimizer, num_warmup_steps=WARMUP, num_training_steps=EPOCHS * per_epoch)
    losses, norms, rates = [], [], []
    for epoch in range(EPOCHS):
        for step in chunks(chunks(order(len(rows), epoch), BATCH), ACCUMULATION):
            optimizer.zero_grad()
            parts = [loss_of(model, rows, batch) for batch in step]
            tokens = sum(n for _, n in parts)
            loss = sum(value for value, _ in parts) / tokens
            loss.backward()
            norms.append(float(torch.nn.utils.clip_grad_norm_(named.values(), MAX_NORM)))
            losses.append(float(loss.detach()))
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    return {"losses": losses, "norms": norms, "rates": rates}, {n: p.detach().clone() for n, p in named.items()}


def random_model():
    torch.manual_seed(3)
    config = LlamaConfig(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                         vocab_size=32, max_position_embeddings=64, tie_word_embeddings=True, initializer_range=0.3, attn_implementation="eager")
    return LlamaForCausalLM(config)


shutil.rmtree(HERE, ignore_errors=True)
torch.manual_seed(1)
rows = []
for i in range(15):
    n = 5 + (i * 7) % 11
    rows.append({"ids": torch.randint(0, 32, (n,)).tolist(), "mask": [0, 0] + [1] * (n - 2)})

model = random_model()
model.save_pretrained(os.path.join(HERE, "model"))
full, weights = trace(model, rows)
save_file({n: w.contiguous() for n, w in weights.items()}, os.path.join(HERE, "full.safetensors"))

base = random_model()
torch.manual_seed(9)
tuned = get_peft_model(base, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM"))
tuned.save_pretrained(os.path.join(HERE, "adapter"))
lora, factors = trace(tuned, rows)
save_file({n.replace(".default", ""): w.contiguous() for n, w in factors.items()}, os.path.join(HERE, "lora.safetensors"))

for left in ["adapter/README.md", "model/generation_config.json"]:
    path = os.path.join(HERE, left)
    if os.path.exists(path):
        os.remove(path)
with open(os.path.join(HERE, "trace.json"), "w") as file:
    json.dump({
        "made_with": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__},
        "seed": SEED, "epochs": EPOCHS, "batchSize": BATCH, "accumulationSteps": ACCUMULATION, "learningRate": RATE, "warmupSteps": WARMUP,
        "weightDecay": DECAY, "maxNorm": MAX_NORM, "rank": RANK, "alpha": ALPHA, "rows": rows, "full": full, "lora": lora,
    }, file)
