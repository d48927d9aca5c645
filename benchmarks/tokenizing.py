"""What tokenizing.ts does, with Hugging Face's tokenizers: encode_batch_fast gives ids, encode_batch offsets too; over all cores, as by default.

python benchmarks/tokenizing.py '{"file": "data/lamini_docs.jsonl", "tokenizer": "models/hone-tiny/tokenizer.json"}'
"""
import json
import sys
import time

from tokenizers import Tokenizer

options = {"file": "data/lamini_docs.jsonl", "tokenizer": "models/hone-tiny/tokenizer.json", "repeats": 9}
options.update(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})
with open(options["file"], encoding="utf8") as lines:
    texts = ["\n".join(json.loads(line).values()) for line in lines]
median = lambda x: round(sorted(x)[len(x) // 2], 1)


def measure(work):
    tokenizer = Tokenizer.from_file(options["tokenizer"])
    times, cpu = [], []
    for _ in range(options["repeats"] + 1):
        t, c = time.perf_counter(), time.process_time()
        work(tokenizer)
        times.append((time.perf_counter() - t) * 1e3)
        cpu.append((time.process_time() - c) * 1e3)
    return {"firstMs": round(times[0], 1), "laterMs": median(times[1:]), "cpuMs": median(cpu[1:])}


# A list of numbers is what is wanted in the end, here as there.
ids = measure(lambda tokenizer: [e.ids for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)])
offsets = measure(lambda tokenizer: [(e.ids, e.offsets) for e in tokenizer.encode_batch(texts, add_special_tokens=False)])
tokens, checksum = 0, 0
for e in Tokenizer.from_file(options["tokenizer"]).encode_batch(texts, add_special_tokens=False):
    for i in e.ids:
        checksum = (checksum * 31 + i) % 1000003
        tokens += 1
print(json.dumps({**options, "characters": sum(map(len, texts)), "tokens": tokens, "checksum": checksum, "ids": ids, "offsets": offsets}))
