"""Goldens of packages/lm/test/checkpoint/gguf*.test.ts: what the gguf package dequantizes, and a small Llama as a GGUF file.

python tests/golden/gguf_model.py   (gguf, numpy, torch, transformers)
"""
import base64, json, pathlib

import gguf, numpy, torch, transformers
from gguf import GGMLQuantizationType as T

here = pathlib.Path(__file__).parent / 'gguf'
here.mkdir(exist_ok=True)
b64 = lambda a: base64.b64encode(a.tobytes()).decode()
versions = {'gguf': '0.19.0', 'transformers': transformers.__version__, 'torch': torch.__version__}

# Two blocks of each type: random bytes with scales that are ordinary numbers.
rng = numpy.random.default_rng(7)
scales_at = {'F16': None, 'BF16': None, 'F32': None, 'Q4_0': [0], 'Q4_1': [0, 2], 'Q5_0': [0], 'Q5_1': [0, 2], 'Q8_0': [0], 'Q4_K': [0, 2], 'Q5_K': [0, 2], 'Q6_K': [208]}
types = {}
for name, at in scales_at.items():
    elements, size = gguf.GGML_QUANT_SIZES[T[name]]
    if at is None:
        values = rng.normal(size=64).astype(numpy.float32)
        raw = values.astype(numpy.float16).view(numpy.uint8) if name == 'F16' else gguf.quants.quantize(values, T.BF16).view(numpy.uint8) if name == 'BF16' else values.view(numpy.uint8)
    else:
        raw = rng.integers(0, 256, (2, size)).astype(numpy.uint8)
        for block in raw:
            for i in at:
                block[i:i + 2] = numpy.array([rng.normal() / 50], dtype=numpy.float16).view(numpy.uint8)
    out = gguf.quants.dequantize(raw.reshape(1, -1), T[name]).astype(numpy.float32)
    types[name] = {'bytes': b64(raw), 'values': b64(out)}
(here / 'dequantize.json').write_text(json.dumps({'versions': versions, 'types': types}, indent=1) + '\n')

# A Llama of one layer, written as llama.cpp's converter writes it.
torch.manual_seed(7)
tokenizer = json.loads((here.parent / 'text' / 'tokenizer.json').read_text())
vocab = [t for t, _ in sorted(tokenizer['model']['vocab'].items(), key=lambda kv: kv[1])]
config = transformers.LlamaConfig(vocab_size=len(vocab), hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2,
                                  max_position_embeddings=64, rms_norm_eps=1e-5, initializer_range=0.5, rope_theta=100000.0, tie_word_embeddings=True)
model = transformers.LlamaForCausalLM(config)
state = {k: v.detach().float().numpy() for k, v in model.state_dict().items() if k != 'lm_head.weight'}

def permute(weights, heads):
    return weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)

names = {'model.embed_tokens.weight': 'token_embd.weight', 'model.norm.weight': 'output_norm.weight'}
for hf, gg in {'input_layernorm': 'attn_norm', 'post_attention_layernorm': 'ffn_norm', 'self_attn.q_proj': 'attn_q', 'self_attn.k_proj': 'attn_k', 'self_attn.v_proj': 'attn_v',
               'self_attn.o_proj': 'attn_output', 'mlp.gate_proj': 'ffn_gate', 'mlp.up_proj': 'ffn_up', 'mlp.down_proj': 'ffn_down'}.items():
    names[f'model.layers.0.{hf}.weight'] = f'blk.0.{gg}.weight'
writer = gguf.GGUFWriter(here / 'llama.gguf', 'llama')
writer.add_block_count(1)
writer.add_context_length(64)
writer.add_embedding_length(32)
writer.add_feed_forward_length(32)
writer.add_head_count(4)
writer.add_head_count_kv(2)
writer.add_rope_freq_base(100000.0)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_dimension_count(8)
writer.add_vocab_size(len(vocab))
writer.add_tokenizer_model('gpt2')
writer.add_tokenizer_pre('smollm')
writer.add_token_list(vocab)
writer.add_token_types([3 if i < 3 else 1 for i in range(len(vocab))])
writer.add_token_merges([m if isinstance(m, str) else ' '.join(m) for m in tokenizer['model']['merges']])
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_add_bos_token(False)
writer.add_chat_template("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}")
values = {}
for name, weights in state.items():
    heads = 4 if 'q_proj' in name else 2 if 'k_proj' in name else None
    stored = permute(weights, heads) if heads else weights
    kind = T.Q8_0 if 'embed' in name or 'mlp' in name else T.F32
    raw = gguf.quants.quantize(stored, kind)
    back = gguf.quants.dequantize(raw, kind) if kind != T.F32 else weights
    writer.add_tensor(names[name], raw, raw_dtype=kind)
    values[name] = {'shape': list(weights.shape), 'first': [float(x) for x in back.flatten()[:5]], 'sum': float(back.astype(numpy.float64).sum())}
    if heads:
        values[name]['all'] = b64(weights.astype(numpy.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

# What transformers makes of the same file.
loaded = transformers.AutoModelForCausalLM.from_pretrained(here, gguf_file='llama.gguf', dtype=torch.float32).eval()
ids = [5, 17, 200, 3, 99]
with torch.no_grad():
    logits = loaded(torch.tensor([ids])).logits[0]
(here / 'llama.json').write_text(json.dumps({
    'versions': versions, 'tensors': values, 'ids': ids, 'log_probabilities': logits[:-1].log_softmax(-1)[range(len(ids) - 1), ids[1:]].tolist(),
    'config': {k: getattr(loaded.config, k) for k in ('hidden_size', 'num_attention_heads', 'num_key_value_heads', 'intermediate_size', 'num_hidden_layers', 'rms_norm_eps', 'vocab_size', 'max_position_embeddings', 'tie_word_embeddings')},
}, indent=1) + '\n')
