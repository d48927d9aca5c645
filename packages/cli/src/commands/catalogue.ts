import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import {
  didYouMean,
  exampleStage,
  findProjectRoot,
  pipelineSchema,
  possibleInputs,
  possibleOutputs,
  projectRegistry,
  type InputPort,
  type JsonSchema,
  type OutputPort,
  type PossiblePorts,
  type Registry,
  type StageDefinition,
} from 'hone-engine'
import { columns } from '../terminal/columns.js'
import { builtIn, type Shell } from '../shell.js'

/** The stages that the pipelines of a project may name: the built-in ones, and those of the plugins of `files`. */
async function registryOf(shell: Shell, files: readonly string[]): Promise<Registry | undefined> {
  const roots = new Set((files.length > 0 ? files : ['pipeline.yaml']).map(file => findProjectRoot(resolve(file))))
  const [projectRoot, other] = [...roots]
  if (other !== undefined) return shell.refuse(`The files are of several projects, ${projectRoot} and ${other}; name those of one.`)
  const registry = await projectRegistry(builtIn(), files, projectRoot!)
  if (registry.ok) return registry.value
  shell.diagnostics(registry.diagnostics)
  shell.exit(2)
  return undefined
}

const withoutVersion = (id: string) => id.replace(/@\d+$/, '')

function portLines({ ports, depend }: PossiblePorts<InputPort | OutputPort>): string[][] {
  const lines = Object.entries(ports).map(([name, port]) => [
    `  ${name}`,
    port.kind.id,
    [[port.optional && 'optional', 'many' in port && port.many && 'takes many'].filter(Boolean).join(', '), port.description ?? port.kind.summary].filter(Boolean).join('; '),
  ])
  return depend ? [...lines, ['  …', '', 'as the parameters and the file say']] : lines
}

/** The values that a schema takes, in a few words. */
function typeName(schema: JsonSchema): string {
  if (Array.isArray(schema.enum)) return schema.enum.map(v => (typeof v === 'string' ? v : JSON.stringify(v))).join(' | ')
  const branches = (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined
  if (branches) return [...new Set(branches.map(typeName))].join(' | ')
  if (Array.isArray(schema.type)) return schema.type.join(' | ')
  if (schema.type === 'array') {
    const item = schema.items === undefined ? 'anything' : typeName(schema.items as JsonSchema)
    return /^(text|number|integer|boolean|map)$/.test(item) ? `list of ${item}s` : `list of ${item}`
  }
  return schema.type === undefined ? ('const' in schema ? JSON.stringify(schema.const) : 'anything') : schema.type === 'object' ? 'map' : schema.type === 'string' ? 'text' : String(schema.type)
}

/** `split`, and below it `split.test`: what a map may hold, of each of its forms. What one form of several requires is not required. */
function paramLines(schema: JsonSchema, prefix = '  ', isOnlyForm = true): string[][] {
  const required = isOnlyForm ? ((schema.required ?? []) as string[]) : []
  return Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>).flatMap(([name, p]) => {
    const said = [required.includes(name) ? 'required' : p.default === undefined ? '' : `default ${JSON.stringify(p.default)}`, p.description].filter(Boolean).join('. ')
    const forms = ((p.anyOf ?? p.oneOf) as JsonSchema[] | undefined) ?? [p]
    const maps = forms.filter(form => form.properties !== undefined)
    return [[`${prefix}${name}`, typeName(p), said], ...maps.flatMap(form => paramLines(form, `${prefix}${name}.`, maps.length === 1))]
  })
}

/** What a run may do besides taking the result of an equal one. */
function reuseLines({ probe, extends: extended = [] }: StageDefinition): string[] {
  return [
    ...(probe ? ['Each run asks what its data outside the project is at, and fetches it again once that has changed.'] : []),
    ...(extended.length > 0 ? [`It goes on from an earlier result that differs only in ${extended.join(' or ')}, where that gives the bytes of a run from nothing.`] : []),
  ]
}

function documentation(stage: StageDefinition, registry: Registry, bold: (text: string) => string): string {
  const sections = [`${bold(stage.id)} (version ${stage.version})\n${stage.summary}`]
  const inputs = portLines(possibleInputs(stage))
  if (inputs.length) sections.push(`inputs\n${columns(inputs)}`)
  sections.push(`outputs\n${columns(portLines(possibleOutputs(stage)))}`)
  const parameters = paramLines(stage.params.schema)
  if (parameters.length) sections.push(`with\n${columns(parameters)}`)
  const reuse = reuseLines(stage)
  if (reuse.length) sections.push(`when it runs again\n${reuse.map(line => `  ${line}`).join('\n')}`)
  sections.push(`example, below \`stages:\`\n${exampleStage(stage, registry).replace(/^(?=.)/gm, '  ')}`)
  return sections.join('\n\n')
}

const portsAsData = ({ ports }: PossiblePorts<InputPort | OutputPort>) =>
  Object.fromEntries(Object.entries(ports).map(([name, p]) => [name, { kind: p.kind.id, optional: p.optional ?? false, ...('many' in p && { many: p.many ?? false }), ...(p.description && { description: p.description }) }]))

export function addCatalogue(program: Command, shell: Shell): void {
  program
    .command('stages')
    .argument('[stage]', 'KIND/NAME, or a KIND')
    .description('The stages there are, those of a kind, or one’s ports and parameters.')
    .summary('The stages there are, or one’s ports and parameters.')
    .option('--of <file>', 'with those of this pipeline’s plugins')
    .addHelpText('after', '\nExample:\n  hone stages tune/lora')
    .action(async (id: string | undefined, flags: { of?: string }) => {
      const registry = await registryOf(shell, flags.of === undefined ? [] : [flags.of])
      if (!registry) return
      const listed = id === undefined ? registry.stages : registry.stages.filter(s => s.definition.id.startsWith(`${id}/`))
      if (id === undefined || listed.length > 0) {
        const stages = listed.map(s => ({ id: s.definition.id, version: s.definition.version, summary: s.definition.summary, plugin: s.plugin.name }))
        return shell.answer({ stages }, () => columns(stages.map(s => [shell.out.bold(s.id), s.summary])))
      }
      const stage = registry.stage(withoutVersion(id))?.definition
      if (!stage) return shell.refuse(`There is no stage "${id}". ${didYouMean(id, registry.stages.map(s => s.definition.id)) ?? '`hone stages` lists them.'}`)
      shell.answer(
        { id: stage.id, version: stage.version, summary: stage.summary, inputs: portsAsData(possibleInputs(stage)), outputs: portsAsData(possibleOutputs(stage)), params: stage.params.schema, probes: stage.probe !== undefined, extends: stage.extends ?? [], example: exampleStage(stage, registry) },
        () => documentation(stage, registry, shell.out.bold),
      )
    })

  program
    .command('schema')
    .argument('[files...]', 'pipelines: with the stages of their plugins')
    .description('The JSON Schema of pipeline files, for editors.')
    .option('-o, --out <file>', 'write it there')
    .addHelpText('after', '\nExample:\n  hone schema pipelines/*.yaml --out schema/pipeline.schema.json')
    .action(async (files: string[], flags: { out?: string }) => {
      const registry = await registryOf(shell, files)
      if (!registry) return
      const text = `${JSON.stringify(pipelineSchema(registry, { isWhole: files.length > 0 }), null, 2)}\n`
      if (flags.out === undefined) return void shell.stdout.write(text)
      mkdirSync(dirname(resolve(flags.out)), { recursive: true })
      writeFileSync(flags.out, text)
    })
}
