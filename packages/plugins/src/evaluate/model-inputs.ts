import type { InputPorts } from 'hone-engine'
import { collections } from '../collections.js'
import { adapter, model } from '../kinds/kinds.js'

/** What every stage that computes with a model takes. */
export interface ModelParams {
  model?: string
  adapter?: string
  backend?: string
  template?: string
}

export const modelPorts: InputPorts = {
  model: { kind: model, description: 'The model, where `model` does not name it.' },
  adapter: { kind: adapter, optional: true, description: 'A LoRA adapter of that model, merged into it.' },
}

export const modelSchema = {
  model: { type: 'string', minLength: 1, artifact: { port: 'model' }, description: 'The model: a folder, or a reference.' },
  adapter: { type: 'string', minLength: 1, artifact: { port: 'adapter' }, description: 'A PEFT adapter folder.' },
  backend: { enum: ['onnx', 'eager'], description: 'What computes; onnx where nothing is said.' },
  template: { type: 'string', minLength: 1, provided: 'templates', description: 'none for plain text, chatml, plain, one of a plugin, or Jinja source; by default the chat template of the model.' },
}

/** What every stage that computes with a model asks plugins for. */
export const modelServices = { templates: collections.templates }
