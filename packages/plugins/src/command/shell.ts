import { defineStage, params, type InputPorts } from 'hone-engine'
import * as kinds from '../kinds/kinds.js'
import { variable } from './variable.js'

export interface ShellParams {
  command: string
  files: string[]
  outputs: Record<string, string>
}

/** The kinds there are without a plugin, by id. */
export const byId = new Map(Object.values(kinds).map(kind => [kind.id, kind]))
const kindNames = [...byId.keys()].filter(id => id !== 'any')

/** Ports that a command could not tell apart: an earlier one, a later one, and what both would be called in the environment. */
function sharedVariables(ports: readonly string[]): [string, string, string][] {
  const seen = new Map<string, string>()
  return ports.flatMap(port => {
    const name = variable(port)
    const earlier = seen.get(name)
    seen.set(name, port)
    return earlier === undefined ? [] : [[earlier, port, name]]
  })
}

/** Any command as a stage: what it reads is named, so that it is cached like the others. */
export const shell = defineStage<ShellParams>({
  id: 'command/shell',
  version: 1,
  summary: 'Runs a command of bash in the project root; its inputs and outputs are paths in the environment.',
  params: params<ShellParams>({
    type: 'object',
    additionalProperties: false,
    required: ['command', 'outputs'],
    properties: {
      command: { type: 'string', minLength: 1, description: 'Run by `bash -euo pipefail`; reads $HONE_INPUT_<NAME> and writes $HONE_OUTPUT_<NAME>; $HONE_SCRATCH survives a failed attempt.' },
      files: { type: 'array', items: { type: 'string' }, default: [], artifact: { port: 'files', glob: true }, description: 'Files and globs that the command reads in the project: their content is in the key.' },
      outputs: {
        type: 'object',
        minProperties: 1,
        propertyNames: { pattern: '^[a-z][a-z0-9_-]*$', description: 'A name begins with one of a-z and goes on with a-z, 0-9, _ and -.' },
        additionalProperties: { enum: kindNames },
        description: 'What it writes: the name of the output and its kind. The numbers of a JSON object in an output of kind metrics are metrics of the stage.',
      },
    },
  }),
  inputs: (_, given, shapes) => {
    const ports: Record<string, InputPorts[string]> = { files: { kind: kinds.file, many: true, optional: true, description: 'What the parameter `files` names.' } }
    for (const name of given) if (name !== 'files') ports[name] = { kind: kinds.any, many: shapes[name] === 'many', optional: true }
    return ports
  },
  outputs: ({ outputs }) => Object.fromEntries(Object.entries(outputs ?? {}).map(([name, id]) => [name, { kind: byId.get(id) ?? kinds.file }])),
  determinism: 'bytes',
  resumable: true,
  example: 'command: sort -u data/messages.csv > "$HONE_OUTPUT_SORTED"\nfiles: [data/messages.csv]\noutputs: { sorted: file }',
  check: ({ params: { outputs }, upstream }) => [
    ...sharedVariables(Object.keys(upstream)).map(([one, other, name]) => ({ message: `the inputs "${one}" and "${other}" would both be HONE_INPUT_${name}`, hint: 'Give one of them another name.' })),
    ...sharedVariables(Object.keys(outputs)).map(([one, other, name]) => ({ message: `the outputs "${one}" and "${other}" would both be HONE_OUTPUT_${name}`, param: `outputs/${other}`, hint: 'Give one of them another name.' })),
  ],
  run: () => import('./shell.run.js'),
})
