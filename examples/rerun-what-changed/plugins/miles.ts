import { definePlugin, defineStage, params } from 'hone-engine'
import { rows } from 'hone-plugins'

export interface Params {
  decimals: number
}

const miles = defineStage<Params>({
  id: 'rows/miles',
  version: 1,
  summary: 'Adds miles to rows with kilometres.',
  params: params<Params>({ type: 'object', additionalProperties: false, properties: { decimals: { type: 'integer', minimum: 0, default: 0 } } }),
  inputs: { rows: { kind: rows } },
  outputs: { rows: { kind: rows } },
  determinism: 'bytes',
  light: true,
  run: () => import('./miles.run.js'),
})

export default definePlugin({ name: 'miles', api: 1, stages: [miles] })
