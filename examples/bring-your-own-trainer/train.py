"""LoRA with Transformers and PEFT: BASE EXAMPLES OUT. Writes the merged model, as a Hugging Face folder, to OUT."""
import json
import os
import shutil
import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

base, examples, out = sys.argv[1:4]
epochs, rank, learning_rate = int(os.environ["EPOCHS"]), int(os.environ["RANK"]), float(os.environ["LEARNING_RATE"])
torch.manual_seed(0)
torch.set_num_threads(1)  # the same sums in the same order

tokenizer = AutoTokenizer.from_pretrained(base)
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
model = get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM"))


def tokens_of(messages):
    """The whole conversation, with the loss on the answer alone."""
    whole = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)
    prompt = tokenizer.apply_chat_template(messages[:-1], tokenize=True, add_generation_prompt=True, return_dict=False)
    return torch.tensor([whole]), torch.tensor([[-100] * len(prompt) + whole[len(prompt):]])


rows = [tokens_of(json.loads(line)["messages"]) for line in open(examples, encoding="utf-8")]
optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
for epoch in range(epochs):
    total = 0.0
    for i in torch.randperm(len(rows)).tolist():
        input_ids, labels = rows[i]
        loss = model(input_ids=input_ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        total += loss.item()
    print(f"epoch {epoch + 1}: loss {total / len(rows):.3f}", flush=True)

model.merge_and_unload().save_pretrained(out)
for name in os.listdir(base):
    if "token" in name or name == "chat_template.jinja":
        shutil.copy(os.path.join(base, name), out)
