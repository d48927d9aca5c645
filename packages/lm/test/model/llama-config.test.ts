import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { llamaParameters, parseLlamaConfig } from '../../src/model/llama-config.js'

const least = { model_type: 'llama', hidden_size: 64, num_hidden_layers: 1, num_attention_heads: 4, intermediate_size: 96, vocab_size: 100 }
const message = (extra: object): string => {
  try {
    parseLlamaConfig({ ...least, ...extra })
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

test('what config.json leaves out is as in transformers', () => {
  assert.equal(parseLlamaConfig(least), {
    hiddenSize: 64, layers: 1, heads: 4, keyValueHeads: 4, headSize: 16, intermediateSize: 96, vocabSize: 100,
    maxPositions: 2048, normEpsilon: 1e-6, initializerRange: 0.02, ropeTheta: 10000, tiedEmbeddings: false,
  })
})

test('theta is read from rope_parameters, from rope_scaling of the default type, and from rope_theta', () => {
  assert.is(parseLlamaConfig({ ...least, rope_parameters: { rope_type: 'default', rope_theta: 100000.0 } }).ropeTheta, 100000)
  assert.is(parseLlamaConfig({ ...least, rope_theta: 5000, rope_scaling: { type: 'default' } }).ropeTheta, 5000)
  assert.is(parseLlamaConfig({ ...least, rope_theta: 5000, rope_scaling: null }).ropeTheta, 5000)
})

test('what is not computed as the model means it is refused, by field', () => {
  assert.is(message({ model_type: 'mistral' }), 'config.json: "model_type" is "mistral"; supported: "llama"')
  assert.is(message({ hidden_act: 'gelu' }), 'config.json: "hidden_act" is "gelu"; supported: "silu"')
  assert.is(message({ attention_bias: true }), 'config.json: "attention_bias" is true; supported: false')
  assert.is(message({ mlp_bias: true }), 'config.json: "mlp_bias" is true; supported: false')
  assert.is(message({ rope_scaling: { rope_type: 'llama3', factor: 8 } }), 'config.json: "rope_scaling" asks for rotary embeddings of type "llama3"; supported: "default"')
  assert.is(message({ num_key_value_heads: 3 }), 'config.json: "num_attention_heads" (4) must be a multiple of "num_key_value_heads" (3)')
  assert.is(message({ hidden_size: undefined }), 'config.json: "hidden_size" must be a positive number; got undefined')
  assert.is(message({ vocab_size: 1.5 }), 'config.json: "vocab_size" must be a whole number; got 1.5')
  assert.is(message({ head_dim: 15 }), 'config.json: "head_dim" must be even for rotary embeddings; got 15')
})

test('a tied head is no parameter of its own', () => {
  const names = (tied: boolean): string[] => llamaParameters(parseLlamaConfig({ ...least, tie_word_embeddings: tied })).map(p => p.name)
  assert.equal(names(false), [...names(true), 'lm_head.weight'])
  assert.equal(names(true), [
    'model.embed_tokens.weight', 'model.layers.0.input_layernorm.weight', 'model.layers.0.self_attn.q_proj.weight', 'model.layers.0.self_attn.k_proj.weight',
    'model.layers.0.self_attn.v_proj.weight', 'model.layers.0.self_attn.o_proj.weight', 'model.layers.0.mlp.gate_proj.weight', 'model.layers.0.mlp.up_proj.weight',
    'model.layers.0.mlp.down_proj.weight', 'model.layers.0.post_attention_layernorm.weight', 'model.norm.weight',
  ])
})

test.run()
