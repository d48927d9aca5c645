"""Goldens of packages/lm/test/checkpoint: what torch, numpy, safetensors and PEFT give.

python tests/golden/checkpoint.py   (torch, numpy, safetensors, transformers, peft)
"""
import base64, hashlib, json, pathlib, struct

import numpy, peft, safetensors, safetensors.torch, torch, transformers

here = pathlib.Path(__file__).parent / 'checkpoint'
here.mkdir(exist_ok=True)
b64 = lambda b: base64.b64encode(b).decode()

# float32 bit patterns: around every boundary of float16 and bfloat16, and random ones (no NaN: payloads are free).
edges = [0, 1, 0x007fffff, 0x00800000, 0x33000000, 0x33000001, 0x32ffffff, 0x33800000, 0x33c00000, 0x33c00001, 0x387fc000, 0x387fe000,
         0x387fe001, 0x387fffff, 0x38800000, 0x38801000, 0x38801001, 0x38803000, 0x3f800000, 0x3f801000, 0x3f803000, 0x3f808000, 0x3f818000,
         0x477fe000, 0x477fefff, 0x477ff000, 0x477fffff, 0x47800000, 0x7f7f7fff, 0x7f7f8000, 0x7f7fffff, 0x7f800000]
rng = numpy.random.default_rng(7)
random = rng.integers(0, 2**31, 400, dtype=numpy.uint64)
near_half = (rng.integers(0x32000000, 0x48000000, 600, dtype=numpy.uint64))
ties = (rng.integers(0x33000000 >> 12, 0x48000000 >> 12, 500, dtype=numpy.uint64) << numpy.uint64(12))
bits = numpy.concatenate([numpy.array(edges, dtype=numpy.uint64), random, near_half, ties])
bits = bits[bits <= 0x7f800000]
bits = numpy.concatenate([bits, bits | 0x80000000]).astype(numpy.uint32)
floats = torch.from_numpy(bits.view(numpy.float32).copy())
with numpy.errstate(over='ignore'):
    assert (floats.numpy().astype(numpy.float16).view(numpy.uint16) == floats.half().numpy().view(numpy.uint16)).all()
half = floats.half().numpy().view(numpy.uint16)
bf16 = floats.bfloat16().view(torch.int16).numpy().view(numpy.uint16)
every = numpy.arange(65536, dtype=numpy.uint16)
finite16 = every[(every & 0x7c00) != 0x7c00]
finite_bf = every[(every & 0x7f80) != 0x7f80]
half_floats = {
    'versions': {'torch': torch.__version__, 'numpy': numpy.__version__},
    'float32': b64(bits.tobytes()), 'float16': b64(half.tobytes()), 'bfloat16': b64(bf16.tobytes()),
    'sha256_of_every_finite_float16_as_float32': hashlib.sha256(finite16.view(numpy.float16).astype(numpy.float32).tobytes()).hexdigest(),
    'sha256_of_every_finite_bfloat16_as_float32': hashlib.sha256(torch.from_numpy(finite_bf.view(numpy.int16).copy()).view(torch.bfloat16).float().numpy().tobytes()).hexdigest(),
}
(here / 'half-floats.json').write_text(json.dumps(half_floats, indent=1) + '\n')

# One file with every type that hone writes, in the reference implementation's bytes.
values = [0.1, -2.5, 3e-8, 65504.0, 1e6, -0.0]
tensors = {
    'b.float': torch.tensor(values).reshape(2, 3), 'a.float': torch.tensor([1.5]), 'ids': torch.tensor([1, -2, 70000], dtype=torch.int32),
    'mask': torch.tensor([0, 1, 1], dtype=torch.uint8), 'empty': torch.zeros(0, 4), 'scalar': torch.tensor(7.25),
}
def written(ts):
    return b64(safetensors.torch.save(ts, {'format': 'pt'}))
(here / 'safetensors.json').write_text(json.dumps({
    'versions': {'safetensors': safetensors.__version__, 'torch': torch.__version__},
    'values': {n: t.flatten().tolist() for n, t in tensors.items()}, 'shapes': {n: list(t.shape) for n, t in tensors.items()},
    'float32': written(tensors),
    'float16': written({n: t.half() if t.is_floating_point() else t for n, t in tensors.items()}),
    'bfloat16': written({n: t.bfloat16() if t.is_floating_point() else t for n, t in tensors.items()}),
}, indent=1) + '\n')

# A PEFT adapter of a random Llama, as PEFT saves it.
torch.manual_seed(7)
config = transformers.LlamaConfig(vocab_size=16, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1,
                                  max_position_embeddings=16, tie_word_embeddings=False)
model = peft.get_peft_model(transformers.LlamaForCausalLM(config), peft.LoraConfig(
    r=2, lora_alpha=4, lora_dropout=0.1, use_rslora=True, target_modules=['q_proj', 'up_proj'], modules_to_save=['lm_head'], task_type='CAUSAL_LM', init_lora_weights=False))
model.peft_config['default'].base_model_name_or_path = './models/base'
folder = here / 'adapter'
model.save_pretrained(folder)
(folder / 'README.md').unlink()
config_json = json.loads((folder / 'adapter_config.json').read_text())
for key in ('target_modules', 'modules_to_save'):
    config_json[key] = sorted(config_json[key])  # a set, in the order of the day
(folder / 'adapter_config.json').write_text(json.dumps(config_json, indent=2) + '\n')
state = peft.get_peft_model_state_dict(model)
(here / 'adapter.json').write_text(json.dumps({
    'versions': {'peft': peft.__version__, 'transformers': transformers.__version__, 'torch': torch.__version__},
    'shapes': {n: list(t.shape) for n, t in sorted(state.items())}, 'q_proj_lora_B': state['base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight'].flatten().tolist(),
}, indent=1) + '\n')
