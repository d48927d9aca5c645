/** What full tuning and LoRA share. */
export interface TrainerParams {
  model?: string
  adapter?: string
  learning_rate: number
  schedule: 'constant' | 'linear' | 'cosine'
  warmup_steps?: number
  warmup_ratio?: number
  epochs: number
  max_steps?: number
  batch_size: number
  accumulation_steps: number
  max_grad_norm: number
  weight_decay: number
  optimizer: 'adamw'
  precision: 'float32'
  evaluate_every?: number
  save_every?: number
  pack: boolean
  save_dtype: 'base' | 'float32' | 'float16' | 'bfloat16'
  backend?: 'onnx' | 'eager'
}

/** The share of the steps over which the rate rises where neither `warmup_steps` nor `warmup_ratio` is given. */
export const defaultWarmupRatio = 0.03

const count = { type: 'integer', minimum: 1 }

/** Defaults are Hugging Face's Trainer's, but for the schedule and its warm-up, which are those of most published recipes. */
export const trainerSchema = (learningRate: number) => ({
  model: { type: 'string', minLength: 1, artifact: { port: 'model' }, description: 'The model to tune: a folder, or a reference.' },
  adapter: { type: 'string', minLength: 1, artifact: { port: 'adapter' }, description: 'A PEFT adapter folder of that model.' },
  learning_rate: { type: 'number', exclusiveMinimum: 0, default: learningRate, description: 'The highest learning rate.' },
  schedule: { enum: ['constant', 'linear', 'cosine'], default: 'cosine', description: 'How the rate goes on after the warm-up: it stays, or falls to 0 along a line or half a cosine.' },
  warmup_steps: { type: 'integer', minimum: 0, description: 'Steps over which the rate rises from 0.' },
  warmup_ratio: { type: 'number', minimum: 0, maximum: 1, description: `The same as a share of all steps; ${defaultWarmupRatio} where neither is given.` },
  epochs: { type: 'number', exclusiveMinimum: 0, default: 3, description: 'How often each row is seen; may have a fraction.' },
  max_steps: { ...count, description: 'So many steps in place of `epochs`.' },
  batch_size: { ...count, default: 8, description: 'Rows (with `pack` sequences) computed at once.' },
  accumulation_steps: { ...count, default: 1, description: 'Batches that one step adds up. Its loss is the mean over all their supervised tokens.' },
  max_grad_norm: { type: 'number', minimum: 0, default: 1, description: 'Longer gradients are cut to this length; 0 cuts none.' },
  weight_decay: { type: 'number', minimum: 0, default: 0, description: 'Decoupled decay of all but biases and norms.' },
  optimizer: { enum: ['adamw'], default: 'adamw', description: 'AdamW with betas 0.9 and 0.999.' },
  precision: { enum: ['float32'], default: 'float32', description: 'What is computed with.' },
  evaluate_every: { ...count, description: 'Steps between two looks at the held-out rows; by default at the end of each epoch.' },
  save_every: { ...count, description: 'Steps between two checkpoints; by default by the clock.' },
  pack: { type: 'boolean', default: false, description: 'Lay several rows into one sequence of the greatest length; none sees another.' },
  save_dtype: { enum: ['base', 'float32', 'float16', 'bfloat16'], default: 'base', description: 'What the weights are written in; base: as those it started from.' },
  backend: { enum: ['onnx', 'eager'], description: 'What computes; onnx where nothing is said.' },
})

/** Keywords beside the properties: only one of the two warm-ups. */
export const trainerRules = { type: 'object', additionalProperties: false, not: { required: ['warmup_steps', 'warmup_ratio'] } }
