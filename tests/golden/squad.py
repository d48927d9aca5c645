"""Writes squad.json: what SQuAD v1.1's official evaluation script says of pairs of strings, easy ones and hostile ones.

python tests/golden/squad.py PATH/TO/evaluate-v1.1.py

The script is not in this repository; a verbatim copy is metrics/squad/compute_score.py of github.com/huggingface/evaluate.
Its SHA-256 is recorded in the golden.
"""
import hashlib
import importlib.util
import json
import pathlib
import platform
import random
import sys

path = pathlib.Path(sys.argv[1])
spec = importlib.util.spec_from_file_location("squad", path)
squad = importlib.util.module_from_spec(spec)
spec.loader.exec_module(squad)

pairs = [
    ["Denver Broncos", ["Denver Broncos"]],
    ["the Denver Broncos.", ["Denver Broncos", "The Broncos"]],
    ["", [""]],
    ["the", ["a"]],
    ["", ["x"]],
    ["a_b the_c", ["ab thec"]],
    ["an apple a day", ["apple day"]],
    ["ΟΔΟΣ ΣΑΣ", ["οδος σας"]],
    ["İstanbul", ["i̇stanbul"]],
    ["Straße", ["strasse"]],
    ["naïve the\u0301 a", ["naive"]],
    ["x²a a² ²", ["x²a a² ²"]],
    ["the\u00a0end\u0085of\u2028it\x1call", ["end of it all"]],
    ["\ufeffthe end", ["end"]],
    ["“the” end—a", ["“” end—"]],
    ["数 the 数a", ["数 数a"]],
    ["1,000", ["1000"]],
    ["don't", ["dont", "do not"]],
    ["a a a b", ["a b b"]],
    ["b b c", ["b c c", "b b"]],
]
random.seed(1)
alphabet = ["a", "an", "the", "The", "A", "cat", "sat", "é", "²", "_", "-", "'", "!", "数", "ß", "İ", "\u0301", " ", "  ", "\t", "\u00a0", "\u3000", "\x1f", "\ufeff", "1", "Ⅷ"]
for _ in range(300):
    text = lambda: "".join(random.choice(alphabet) + random.choice(["", " "]) for _ in range(random.randint(0, 8)))
    pairs.append([text(), [text() for _ in range(random.randint(1, 3))]])

rows = [
    {
        "prediction": prediction,
        "references": references,
        "exact_match": int(squad.metric_max_over_ground_truths(squad.exact_match_score, prediction, references)),
        "f1": squad.metric_max_over_ground_truths(squad.f1_score, prediction, references),
    }
    for prediction, references in pairs
]
dataset = [{"paragraphs": [{"qas": [{"id": str(i), "answers": [{"text": r} for r in row["references"]]} for i, row in enumerate(rows)]}]}]
score = getattr(squad, "compute_score", None) or squad.evaluate
totals = score(dataset, {str(i): row["prediction"] for i, row in enumerate(rows)})
golden = {
    "from": {"script": "SQuAD v1.1 official evaluation script", "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "python": platform.python_version()},
    "totals": totals,
    "rows": rows,
}
lines = ",\n".join(json.dumps(row) for row in rows)
out = pathlib.Path(__file__).parent / "squad.json"
out.write_text(f'{{"from": {json.dumps(golden["from"])},\n"totals": {json.dumps(totals)},\n"rows": [\n{lines}\n]}}\n')
