"""Goldens of packages/lm/test/text/train-bpe.test.ts: vocabularies that Hugging Face's BpeTrainer learns from text/corpus.txt.

python tests/golden/bpe.py   (tokenizers)
"""
import json, pathlib

import tokenizers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

here = pathlib.Path(__file__).parent / 'text'
lines = (here / 'corpus.txt').read_text().split('\n')
byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
settings = [
    {'vocabSize': 420, 'minFrequency': 0, 'splitDigits': False},
    {'vocabSize': 10000, 'minFrequency': 0, 'splitDigits': False},
    {'vocabSize': 10000, 'minFrequency': 3, 'splitDigits': True},
    {'vocabSize': 300, 'minFrequency': 2, 'splitDigits': True},
]
trained = []
for s in settings:
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level]) if s['splitDigits'] else byte_level
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=s['vocabSize'], min_frequency=s['minFrequency'], special_tokens=['<|endoftext|>', '<|im_start|>', '<|im_end|>'],
                                                     initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    model = json.loads(t.to_str())['model']
    trained.append({**s, 'tokens': [k for k, _ in sorted(model['vocab'].items(), key=lambda kv: kv[1])], 'merges': [m if isinstance(m, str) else ' '.join(m) for m in model['merges']]})
(here / 'bpe.json').write_text(json.dumps({'versions': {'tokenizers': tokenizers.__version__}, 'trained': trained}, separators=(',', ':')) + '\n')
