import { defineKind, defineStage, params, type InputPorts, type JsonSchema, type KindDefinition, type OutputPorts, type Registry, type StageDefinition } from '../src/index.js'

const kind = (id: string, form: 'file' | 'folder' = 'file', accepts?: readonly string[]) => defineKind({ id, summary: id, form, ...(accepts && { accepts }) })

export const kinds = {
  rows: kind('rows', 'file', ['examples', 'predictions']),
  documents: kind('documents'),
  examples: kind('examples'),
  tokens: kind('tokens', 'folder'),
  model: kind('model', 'folder'),
  metrics: kind('metrics'),
  predictions: kind('predictions'),
  report: kind('report'),
  file: kind('file', 'file', ['*']),
  any: kind('any', 'file', ['*']),
} satisfies Record<string, KindDefinition>

/** A stage that is never run. */
export function fakeStage(id: string, schema: JsonSchema, inputs: StageDefinition['inputs'], outputs: OutputPorts | ((params: any) => OutputPorts), more: Partial<StageDefinition> = {}): StageDefinition {
  return defineStage({ id, version: 1, summary: `${id}.`, params: params(schema), inputs, outputs, determinism: 'bytes', run: async () => ({ default: () => {} }), ...more })
}

const object = (properties: Record<string, JsonSchema>, required: string[] = []): JsonSchema => ({ type: 'object', properties, required })
const model: JsonSchema = { type: 'string', minLength: 1, artifact: { port: 'model' } }
const trainer: Record<string, JsonSchema> = {
  model,
  learning_rate: { type: 'number', exclusiveMinimum: 0, default: 0.001 },
  epochs: { type: 'integer', minimum: 1, default: 1 },
  schedule: { enum: ['linear', 'cosine'], default: 'cosine' },
}
const tuneInputs: InputPorts = { tokens: { kind: kinds.tokens }, model: { kind: kinds.model } }

export const fakeStages: readonly StageDefinition[] = [
  fakeStage('ingest/files', object({ paths: { type: 'array', minItems: 1, items: { type: 'string' }, artifact: { port: 'files', glob: true } } }, ['paths']), { files: { kind: kinds.file, many: true } }, { documents: { kind: kinds.documents } }),
  fakeStage('ingest/table', object({ path: { type: 'string', artifact: { port: 'file' } }, limit: { type: 'integer', minimum: 1 } }), { file: { kind: kinds.file } }, { rows: { kind: kinds.rows } }),
  fakeStage(
    'qa-convert/template',
    object({
      user: { type: 'string' }, assistant: { type: 'string' }, preset: { enum: ['auto', 'qa'], default: 'auto' },
      split: { type: 'object', properties: { validation: { type: 'number', minimum: 0, maximum: 1 }, test: { type: 'number', minimum: 0, maximum: 1 } } },
      columns: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
    }),
    { rows: { kind: kinds.rows, optional: true }, documents: { kind: kinds.documents, optional: true } },
    { examples: { kind: kinds.examples }, train: { kind: kinds.examples, optional: true }, test: { kind: kinds.examples, optional: true } },
  ),
  fakeStage('tokenize/huggingface', object({ model, max_length: { type: 'integer', minimum: 1, default: 512 } }), { examples: { kind: kinds.examples }, model: { kind: kinds.model, view: 'tokenizer' } }, { tokens: { kind: kinds.tokens }, report: { kind: kinds.report } }),
  fakeStage('tune/lora', object({ ...trainer, rank: { type: 'integer', minimum: 1, default: 8 } }), tuneInputs, { model: { kind: kinds.model }, adapter: { kind: kinds.model }, metrics: { kind: kinds.metrics } }, { resources: () => ({ cpus: 2, memory: '1GiB' }) }),
  fakeStage('tune/full', object({ ...trainer, weight_decay: { type: 'number', minimum: 0, default: 0 } }), tuneInputs, { model: { kind: kinds.model }, metrics: { kind: kinds.metrics } }, { version: 3 }),
  fakeStage('evaluate/qa', object({ model, metrics: { type: 'array', items: { enum: ['exact_match', 'f1'] }, default: ['exact_match'] } }), { model: { kind: kinds.model }, examples: { kind: kinds.examples } }, { predictions: { kind: kinds.predictions }, metrics: { kind: kinds.metrics } }),
  fakeStage('error-analyze/categories', object({}), { examples: { kind: kinds.examples }, predictions: { kind: kinds.predictions, many: true } }, { report: { kind: kinds.report }, metrics: { kind: kinds.metrics } }),
  fakeStage('select/best', object({ by: { type: 'string' }, mode: { enum: ['max', 'min'], default: 'max' } }, ['by']), { model: { kind: kinds.model, many: true }, metrics: { kind: kinds.metrics, many: true } }, { model: { kind: kinds.model }, metrics: { kind: kinds.metrics } }),
  fakeStage(
    'command/shell',
    object({ command: { type: 'string', minLength: 1 }, files: { type: 'array', items: { type: 'string' }, default: [], artifact: { port: 'files', glob: true } }, outputs: { type: 'object', additionalProperties: { enum: Object.keys(kinds) }, default: {} } }, ['command']),
    (_, given, shapes) => ({ files: { kind: kinds.file, many: true, optional: true }, ...Object.fromEntries(given.filter(name => name !== 'files').map(name => [name, { kind: kinds.any, optional: true, many: shapes[name] === 'many' }])) }),
    ({ outputs }: { outputs?: Record<string, keyof typeof kinds> }) => Object.fromEntries(Object.entries(outputs ?? {}).map(([name, id]) => [name, { kind: kinds[id] }])),
  ),
]

export function fakeRegistry(stages: readonly StageDefinition[] = fakeStages): Registry {
  const plugin = { definition: { name: 'fake', api: 1 as const }, name: 'fake', version: '1.0.0', module: 'fake', builtIn: true }
  const registered = stages.map(definition => ({ definition, plugin, codeDigest: async () => undefined }))
  return {
    stage: id => registered.find(stage => stage.definition.id === id),
    kind: id => Object.values(kinds).find(kind => kind.id === id),
    stages: registered, kinds: Object.values(kinds), plugins: [plugin], members: [], member: () => undefined, providers: [],
  }
}
