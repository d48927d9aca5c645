"""Goldens for LoRA beside modules that are trained whole (`modules_to_save`): what PEFT computes on the checkpoints of llama.py, and the
adapters that it writes. Writes tests/golden/modules-to-save/<case>/.

    python tests/golden/modules_to_save.py        (torch 2.9.1, transformers 5.23.0, peft 0.21.2, on a CPU)
    python tests/golden/modules_to_save.py read FOLDER ADAPTER
                                                  prints the loss of the sequences with any adapter, as PEFT reads it

Tolerances, set before looking at a result, are those of llama.py: log-probabilities 2e-5 absolute; losses 1e-5 relative; of every gradient the
norm 1e-4 relative and each entry 1e-4 of the tensor's largest one; the loss traces 2e-4 relative at each of 10 steps.
"""
import json
import os
import shutil
import sys

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = {
    "untied-both": {"base": "untied", "modules_to_save": ["embed_tokens", "lm_head"]},
    "untied-head": {"base": "untied", "modules_to_save": ["lm_head"]},
    # PEFT asks whether a module's name ends so: these are all the norms there are.
    "untied-norms": {"base": "untied", "modules_to_save": ["norm"]},
    "tied": {"base": "tied", "modules_to_save": ["embed_tokens"], "ensure_weight_tying": True},
}
LORA = {"r": 4, "lora_alpha": 8}
STEPS = 10


def negative_log_likelihood(model, sequences):
    total, count = 0.0, 0
    for s in sequences:
        ids = torch.tensor([s["ids"]])
        targets = ids[0, s["from"]:]
        total = total + torch.nn.functional.cross_entropy(model(input_ids=ids).logits[0][s["from"] - 1:-1], targets, reduction="sum")
        count += len(targets)
    return total, count


def describe(gradient):
    flat = gradient.reshape(-1)
    places = sorted({0, len(flat) // 3, len(flat) // 2, len(flat) - 1, int(flat.abs().argmax())})
    return {"norm": flat.norm().item(), "largest": flat.abs().max().item(), "entries": [[i, flat[i].item()] for i in places]}


def stored(name):
    return name.replace(".modules_to_save.default", "").replace(".default", "")


def make(case, base, modules_to_save, **options):
    of_base = json.load(open(os.path.join(HERE, f"llama-tiny-{base}", "golden.json")))
    sequences, adamw = of_base["sequences"], of_base["adamw"]
    folder = os.path.join(HERE, "modules-to-save", case)
    shutil.rmtree(folder, ignore_errors=True)
    model = LlamaForCausalLM.from_pretrained(os.path.join(HERE, f"llama-tiny-{base}"))
    torch.manual_seed(11)
    config = LoraConfig(target_modules="all-linear", modules_to_save=list(modules_to_save), init_lora_weights=False, task_type="CAUSAL_LM", **LORA, **options)
    adapted = get_peft_model(model, config).eval()
    with torch.no_grad():
        for name, p in adapted.named_parameters():
            if p.requires_grad and "lora_" in name:
                p.mul_(0.3)
            elif p.requires_grad:
                p.add_(0.1 * torch.randn_like(p))
    adapted.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))
    config_path = os.path.join(folder, "adapter_config.json")
    adapter_config = json.load(open(config_path))
    adapter_config["target_modules"] = sorted(adapter_config["target_modules"])
    adapter_config["base_model_name_or_path"] = f"llama-tiny-{base}"
    json.dump(adapter_config, open(config_path, "w"), indent=2)

    loss, count = negative_log_likelihood(adapted, sequences)
    loss.backward()
    gradients = {stored(n): describe(p.grad) for n, p in adapted.named_parameters() if p.requires_grad}
    with torch.no_grad():
        last = [adapted(input_ids=torch.tensor([s["ids"]])).logits[0, -1].log_softmax(-1).tolist() for s in sequences]
    golden = {
        "made_by": "tests/golden/modules_to_save.py",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__},
        "base": base, "modules_to_save": modules_to_save, **LORA, "supervised": count, "loss_sum": loss.item(), "gradients": gradients, "last": last,
    }
    optimizer = torch.optim.AdamW([p for p in adapted.parameters() if p.requires_grad], **adamw)
    golden["trace"] = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss, count = negative_log_likelihood(adapted, sequences)
        (loss / count).backward()
        golden["trace"].append(loss.item() / count)
        optimizer.step()
    json.dump(golden, open(os.path.join(folder, "golden.json"), "w"), indent=1)


if sys.argv[1:2] == ["read"]:
    base, adapter = sys.argv[2:]
    sequences = json.load(open(os.path.join(HERE, "llama-tiny-tied", "golden.json")))["sequences"]
    model = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(base), adapter).eval()
    with torch.no_grad():
        print(json.dumps({"loss_sum": negative_log_likelihood(model, sequences)[0].item()}))
else:
    for case, options in CASES.items():
        make(case, **options)
