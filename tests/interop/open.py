"""Opens what hone wrote with transformers and PEFT, and writes golden.json: what they make of it.

python tests/interop/open.py     (the versions of requirements.txt, on a CPU)

models/hone-tiny, the tokenizer and the model that pipeline.yaml trained from nothing, the model that it merged, and its adapter on its base.
tests/interop.test.ts compares hone's own numbers with these, without Python.
Tolerance, set before looking at a result (float32 on both sides): log-probabilities 5e-5 absolute; tokens and greedy answers equal. With each
answer stands the smallest gap between the two largest logits on its way, which must be far above that for the answer to be decided.
"""
import json
import pathlib

import peft
import torch
import transformers
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = pathlib.Path(__file__).parent
TOLERANCE = 5e-5
NEW = 12
QUESTIONS = ["What colour is grass?", "What colour is a ruby?", "What colour is tar?", "Which is the largest ocean, and why?"]
TEXT = "What colour is the sky? Blue, as the sea is blue; naïve cafés: ½ of it."


def answers(model, tokenizer):
    out = []
    for question in QUESTIONS:
        messages = [{"role": "user", "content": question}]
        prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)["input_ids"]
        # Where an answer ends is what generation_config.json says.
        ids = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=NEW, do_sample=False)[0, prompt.shape[1]:].tolist()
        logits = model(input_ids=torch.cat([prompt[0], torch.tensor(ids)])[None]).logits[0, prompt.shape[1] - 1 : -1]
        top = logits.topk(2).values
        gap = (top[:, 0] - top[:, 1]).min().item()
        assert gap > 20 * TOLERANCE, f"{question}: undecided, {gap}"
        end = tokenizer.eos_token_id
        out.append({"question": question, "prompt": prompt[0].tolist(), "answer": ids[: ids.index(end)] if end in ids else ids, "gap": gap})
    return out


def scores(model, ids):
    log_p = model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)[:-1]
    return log_p.gather(1, torch.tensor(ids[1:])[:, None])[:, 0].tolist()


def opened(folder, adapter=None):
    model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not any(info.values()), f"{folder}: {info}"
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
        # PEFT takes what it finds; here nothing may be missing.
        stored = peft.utils.load_peft_weights(str(adapter))
        assert set(stored) == set(peft.get_peft_model_state_dict(model)), "the adapter lacks weights, or has others"
    return model.eval()


golden = {"from": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}, "text": TEXT, "models": []}
with torch.no_grad():
    for folder, adapter in ((HERE.parent.parent / "models/hone-tiny", None), (HERE / "base", None), (HERE / "model", None), (HERE / "base", HERE / "adapter")):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = opened(folder, adapter)
        ids = tokenizer(TEXT)["input_ids"]
        golden["models"].append({
            "model": folder.relative_to(HERE.parent.parent).as_posix(), "adapter": adapter and adapter.relative_to(HERE.parent.parent).as_posix(),
            "ids": ids, "log_probabilities": scores(model, ids), "answers": answers(model, tokenizer)})
    base, merged, adapted = golden["models"][1:]
    far = max(abs(a - b) for a, b in zip(merged["log_probabilities"], adapted["log_probabilities"]))
    assert far <= TOLERANCE, f"the merged model is not the adapter on its base: {far}"
    assert [a["answer"] for a in merged["answers"]] == [a["answer"] for a in adapted["answers"]] != [a["answer"] for a in base["answers"]]
    print("merged model and adapter on its base differ by", far)
(HERE / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
