"""Goldens of packages/lm/test/text: what Hugging Face's tokenizers and transformers give.

python tests/golden/tokenizer.py   (tokenizers, transformers)
"""
import copy, json, pathlib

import tokenizers, transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

here = pathlib.Path(__file__).parent / 'text'
here.mkdir(exist_ok=True)
versions = {'tokenizers': tokenizers.__version__, 'transformers': transformers.__version__}

# Text to train on: plain words with repeats, digits, accents and an emoji, written here.
text = (here / 'corpus.txt').read_text()

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.train_from_iterator(text.split('\n'), trainers.BpeTrainer(
    vocab_size=420, special_tokens=['<|endoftext|>', '<|im_start|>', '<|im_end|>'], initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
tokenizer.save(str(here / 'tokenizer.json'))
base = json.loads((here / 'tokenizer.json').read_text())
(here / 'tokenizer.json').write_text(json.dumps(base, ensure_ascii=False, separators=(',', ':')) + '\n')

llama3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
def variant(change):
    t = Tokenizer.from_str(json.dumps(base))
    change(t)
    return t
def gpt2(t): pass
def smollm(t): t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
def llama(t):
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(llama3), 'isolated'), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(single='<|endoftext|> $A', special_tokens=[('<|endoftext|>', 0)])])
def neox(t):
    t.normalizer = normalizers.NFC()
    t.add_tokens([AddedToken('  ', normalized=True), AddedToken('    ', normalized=True)])
def prefix(t): t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
def stripping(t): t.add_special_tokens([AddedToken('<left>', lstrip=True), AddedToken('<right>', rstrip=True), AddedToken('<word>', single_word=True)])
variants = {f.__name__: variant(f) for f in (gpt2, smollm, llama, neox, prefix, stripping)}

texts = [
    '', ' ', 'the cat', "The cat's hat isn't THE CAT'S, we'LL see; I'\u017fay", 'the  cat   sat \n\n on\tthe mat\r\n', '  leading and trailing  ', '12345 apples, 3.14 and \u00bd \u0662\u0663',
    'caf\u00e9 cafe\u0301 na\u00efve \u00c5ngstr\u00f6m A\u030angstro\u0308m', 'emoji \U0001f600 and \U0001f468\u200d\U0001f469\u200d\U0001f467, \u65e5\u672c\u8a9e \u1112\u1161\u11ab',
    '<|im_start|>user\nWhat is a cat?<|im_end|>\n<|im_start|>assistant\nAn animal.<|im_end|>\n', 'a<|endoftext|>b<|endof', 'x <left> y <right>  z <word> a<word>b',
    "it'\u017f THEY'\u017f !\u0085 !\ufeff !\u00a0! \u212a'\u212a", 'line\u0085next\ufeffbom\u00a0nbsp\u2003em', 'if (x == 1) {\n    return "y";\n}', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '\x00\x01 control \x7f',
    'the cat sat on the mat and the dog sat on the cat ' * 3,
]
def case(t, s):
    e = t.encode(s, add_special_tokens=False)
    return {'text': s, 'ids': e.ids, 'with_special': t.encode(s).ids, 'decoded': t.decode(e.ids, skip_special_tokens=False), 'decoded_plain': t.decode(e.ids)}
(here / 'encodings.json').write_text(json.dumps({
    'versions': versions,
    'variants': {name: {
        'parts': {k: v for k, v in json.loads(t.to_str()).items() if k in ('normalizer', 'pre_tokenizer', 'post_processor', 'decoder', 'added_tokens')},
        'cases': [case(t, s) for s in texts],
        # Where it cuts, each piece in the characters that stand for its bytes.
        'pieces': [[piece for piece, _ in t.pre_tokenizer.pre_tokenize_str(s)] for s in texts],
    } for name, t in variants.items()},
}, ensure_ascii=True, indent=None, separators=(',', ':')) + '\n')

# Chat templates: text and, where the template marks what the assistant writes, the mask.
chatml_marked = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
marked_on_lines = """{%- for message in messages %}
    {%- if message.role == 'assistant' %}
<|im_start|>assistant
        {% generation %}
{{ message.content | trim }}<|im_end|>
        {%- endgeneration %}

    {%- else %}
<|im_start|>{{ message.role }}
{{ message.content | trim }}<|im_end|>
    {%- endif %}
{%- endfor %}
"""
smollm2 = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
conversations = [
    [{'role': 'user', 'content': 'What is a cat?'}, {'role': 'assistant', 'content': 'An animal.'}],
    [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': ' hi '}, {'role': 'assistant', 'content': ' Hello!\n'}, {'role': 'user', 'content': 'the cat?'}, {'role': 'assistant', 'content': 'sat \U0001f600'}],
]
fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token='<|im_end|>', bos_token='<|endoftext|>')
rendered = []
for name, template in (('chatml_marked', chatml_marked), ('marked_on_lines', marked_on_lines), ('smollm2', smollm2)):
    for messages in conversations:
        marked = 'generation %}' in template
        out = fast.apply_chat_template(messages, chat_template=template, tokenize=True, return_dict=True, return_assistant_tokens_mask=marked)
        rendered.append({
            'template': template, 'name': name, 'messages': messages, 'text': fast.apply_chat_template(messages, chat_template=template, tokenize=False),
            'prompt': fast.apply_chat_template(messages[:-1], chat_template=template, tokenize=False, add_generation_prompt=True),
            'ids': out['input_ids'], 'mask': out['assistant_masks'] if marked else None,
        })
(here / 'chats.json').write_text(json.dumps({'versions': versions, 'chats': rendered}, indent=1) + '\n')
