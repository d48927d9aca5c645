"""Goldens for the Llama model: two tiny random checkpoints (tied and untied head), what transformers computes with them and what PEFT
computes with an adapter on top. Writes tests/golden/llama-tiny-{tied,untied}/.

    python tests/golden/llama.py        (torch 2.9.1, transformers 5.23.0, peft 0.21.2, on a CPU)

Tolerances, set before looking at a result (float32 on both sides): log-probabilities 2e-5 absolute; losses 1e-5 relative; of every
gradient the norm 1e-4 relative and each entry 1e-4 of the tensor's largest one; the loss traces 2e-4 relative at each of 10 steps.

The sequences run through the reference one by one, without padding or packing.
"""
import json
import os
import shutil

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
# The prompt's tokens are seen and not learnt: `from` is the first position that is supervised as a target.
SEQUENCES = [
    {"ids": [3, 14, 15, 92, 65, 35, 89, 79, 32, 38], "from": 4, "weight": 1.0},
    {"ids": [27, 18, 28, 18, 28, 45], "from": 1, "weight": 1.0},
    {"ids": [90, 45, 23, 53, 60, 28, 74, 71, 35, 26, 62, 49, 77], "from": 6, "weight": 1.0},
]
ADAMW = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}
LORA = {"r": 4, "lora_alpha": 8}
STEPS = 10


def negative_log_likelihood(model):
    """The sum over supervised targets, and how many they are."""
    total, count = 0.0, 0
    for s in SEQUENCES:
        ids = torch.tensor([s["ids"]])
        logits = model(input_ids=ids).logits[0]
        targets = ids[0, s["from"]:]
        total = total + torch.nn.functional.cross_entropy(logits[s["from"] - 1:-1], targets, reduction="sum")
        count += len(targets)
    return total, count


def describe(gradient):
    flat = gradient.reshape(-1)
    places = sorted({0, len(flat) // 3, len(flat) // 2, len(flat) - 1, int(flat.abs().argmax())})
    return {"norm": flat.norm().item(), "largest": flat.abs().max().item(), "entries": [[i, flat[i].item()] for i in places]}


def gradients(model, name_of):
    model.zero_grad()
    loss, count = negative_log_likelihood(model)
    loss.backward()
    return {
        "loss_sum": loss.item(),
        "supervised": count,
        "gradients": {name_of(n): describe(p.grad) for n, p in model.named_parameters() if p.requires_grad},
    }


def trace(model):
    """Losses (mean by supervised token) before each of the steps, on the same batch."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], **ADAMW)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss, count = negative_log_likelihood(model)
        (loss / count).backward()
        losses.append(loss.item() / count)
        optimizer.step()
    return losses


def log_probabilities(model):
    """Of each next token of each sequence, and whether it is the likeliest."""
    out = []
    for s in SEQUENCES:
        ids = torch.tensor([s["ids"]])
        log_p = model(input_ids=ids).logits[0].log_softmax(-1)
        targets = ids[0, 1:]
        out.append({
            "log_probabilities": log_p[:-1].gather(1, targets[:, None])[:, 0].tolist(),
            "greedy": (log_p[:-1].argmax(-1) == targets).int().tolist(),
            "last": log_p[-1].tolist(),
        })
    return out


def generate(model):
    ids = torch.tensor([SEQUENCES[1]["ids"]])
    return model.generate(ids, max_new_tokens=8, do_sample=False, eos_token_id=None, pad_token_id=0)[0, ids.shape[1]:].tolist()


def make(tied):
    torch.manual_seed(7 if tied else 8)
    config = LlamaConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=48, vocab_size=97,
        max_position_embeddings=64, rms_norm_eps=1e-5, initializer_range=0.2, tie_word_embeddings=tied,
        rope_parameters={"rope_type": "default", "rope_theta": 100000.0 if tied else 10000.0},
        bos_token_id=1, eos_token_id=2,
    )
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "norm" in name:
                p.copy_(1 + 0.3 * torch.randn_like(p))
    return model


def clone(model):
    other = LlamaForCausalLM(model.config).eval()
    other.load_state_dict(model.state_dict())
    return other


for tied in (True, False):
    folder = os.path.join(HERE, f"llama-tiny-{'tied' if tied else 'untied'}")
    shutil.rmtree(folder, ignore_errors=True)
    model = make(tied)
    model.save_pretrained(folder)
    golden = {
        "made_by": "tests/golden/llama.py",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__},
        "sequences": SEQUENCES,
        "adamw": ADAMW,
        "scores": log_probabilities(model),
        "generated": generate(model),
        "full": {**gradients(model, lambda n: n), "trace": trace(clone(model))},
    }

    torch.manual_seed(9)
    # With fresh weights B would be 0 and the gradient of A too.
    adapted = get_peft_model(clone(model), LoraConfig(target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM", **LORA)).eval()
    with torch.no_grad():
        for name, p in adapted.named_parameters():
            if p.requires_grad:
                p.mul_(0.3)
    adapted.save_pretrained(os.path.join(folder, "adapter"))
    os.remove(os.path.join(folder, "adapter", "README.md"))
    config_path = os.path.join(folder, "adapter", "adapter_config.json")
    adapter_config = json.load(open(config_path))
    adapter_config["target_modules"] = sorted(adapter_config["target_modules"])
    json.dump(adapter_config, open(config_path, "w"), indent=2)
    stored = lambda n: n.replace(".default", "")
    golden["lora"] = {**LORA, "scores": log_probabilities(adapted), **gradients(adapted, stored)}
    golden["lora"]["trace"] = trace(adapted)
    json.dump(golden, open(os.path.join(folder, "golden.json"), "w"), indent=1)
