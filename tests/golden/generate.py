"""Writes generate.json: what transformers' greedy generate and its log-probabilities are on the tiny checkpoints of llama.py.

python tests/golden/generate.py     (torch 2.9.1, transformers 5.23.0, peft 0.21.2, on a CPU)

Prompts of unlike lengths are given as one batch, padded on the left, and one by one; both must agree here already. Token 2 ends an
answer. With each prompt stands the smallest gap between the two largest logits on its way: where it is large next to float32's
rounding, another correct implementation takes the same tokens.
Tolerance of log-probabilities, set before looking at a result (float32 on both sides): 2e-5 absolute.
"""
import json
import pathlib

import peft
import torch
import transformers
from peft import PeftModel
from transformers import LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
NEW = 24
PROMPTS = [
    [3],
    [27, 18, 28, 18, 28, 45],
    [3, 14, 15, 92, 65, 35, 89, 79, 32, 38],
    [90, 45],
    list(range(40, 72)),
    [(7 * i + 5) % 97 for i in range(33)],
    [11, 13, 17, 19],
    [60, 60, 60],
    [5, 6, 7, 8, 9, 10, 11, 12, 13],
    [96],
    [(11 * i + 3) % 97 for i in range(50)],
]


def generate(model, prompts):
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    new = min(NEW, model.config.max_position_embeddings - longest)
    out = model.generate(ids, attention_mask=mask, max_new_tokens=new, do_sample=False, eos_token_id=2, pad_token_id=0)[:, longest:].tolist()
    return [o[: o.index(2)] if 2 in o else o for o in out]


def gap(model, prompt, answer):
    logits = model(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 :]
    top = logits.topk(2).values
    return (top[:, 0] - top[:, 1]).min().item()


def scores(model):
    """Log-probabilities of every token but the first of two long sequences, and whether each is the likeliest."""
    out = []
    for p in (PROMPTS[4], PROMPTS[10]):
        logp = model(input_ids=torch.tensor([p])).logits[0].log_softmax(-1)[:-1]
        targets = torch.tensor(p[1:])
        out.append({"ids": p, "log_probabilities": logp.gather(1, targets[:, None])[:, 0].tolist(), "greedy": (logp.argmax(-1) == targets).int().tolist()})
    return out


def rolling(model, ids, window):
    """The summed negative log-likelihood of all tokens but the first, where the model reads at most `window` tokens at once: each
    window scores the tokens that none before it did and is filled up with context on its left."""
    nll, scored = 0.0, 1
    while scored < len(ids):
        end = min(len(ids), scored + window)
        begin = max(0, end - window - 1)
        logp = model(input_ids=torch.tensor([ids[begin : end - 1]])).logits[0].log_softmax(-1)
        for i in range(scored, end):
            nll -= logp[i - 1 - begin, ids[i]].item()
        scored = end
    return nll


golden = {"from": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}, "new": NEW, "models": []}
with torch.no_grad():
    for name in ("llama-tiny-tied", "llama-tiny-untied"):
        for adapter in (False, True):
            model = LlamaForCausalLM.from_pretrained(HERE / name, dtype=torch.float32).eval()
            if adapter:
                model = PeftModel.from_pretrained(model, HERE / name / "adapter").merge_and_unload().eval()
            short = [p for p in PROMPTS if len(p) + NEW <= model.config.max_position_embeddings]
            alone = [generate(model, [p])[0] for p in PROMPTS]
            assert generate(model, short) == [a for p, a in zip(PROMPTS, alone) if p in short], "padding changed transformers' own answers"
            rows = [{"prompt": p, "answer": a, "gap": gap(model, p, a)} for p, a in zip(PROMPTS, alone)]
            golden["models"].append({"dir": name, "adapter": adapter, "rows": rows, "scores": scores(model), "rolling": {"window": 16, "nll": rolling(model, PROMPTS[10], 16)}})

(HERE / "generate.json").write_text(json.dumps(golden) + "\n")
print(min(r["gap"] for m in golden["models"] for r in m["rows"]), [len(r["answer"]) for r in golden["models"][0]["rows"]])
