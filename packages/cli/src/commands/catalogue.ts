import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import { didYouMean, findProjectRoot, pipelineSchema, projectRegistry, type InputPorts, type JsonSchema, type OutputPorts, type Registry, type StageDefinition } from 'hone-engine'
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

type Ports = InputPorts | OutputPorts
const portsOf = (ports: StageDefinition['inputs'] | StageDefinition['outputs']): Ports | undefined => (typeof ports === 'function' ? undefined : ports)

function portLines(ports: Ports | undefined): string[][] {
  if (ports === undefined) return [['', '', 'as the parameters say']]
  return Object.entries(ports).map(([name, port]) => [
    `  ${name}`,
    port.kind.id,
    [port.optional && 'optional', 'many' in port && port.many && 'takes many', port.description].filter(Boolean).join('; '),
  ])
}

function paramLines(schema: JsonSchema): string[][] {
  const properties = (schema.properties ?? {}) as Record<string, JsonSchema>
  const required = (schema.required ?? []) as string[]
  return Object.entries(properties).map(([name, p]) => {
    const type = Array.isArray(p.enum) ? p.enum.map(v => JSON.stringify(v)).join(' | ') : String(Array.isArray(p.type) ? p.type.join(' | ') : (p.type ?? 'any'))
    return [`  ${name}`, type.replaceAll('"', ''), [required.includes(name) ? 'required' : p.default === undefined ? '' : `default ${JSON.stringify(p.default)}`, p.description].filter(Boolean).join('. ')]
  })
}

function documentation(stage: StageDefinition, bold: (text: string) => string): string {
  const sections = [`${bold(stage.id)} (version ${stage.version})\n${stage.summary}`]
  const inputs = portLines(portsOf(stage.inputs))
  if (inputs.length) sections.push(`inputs\n${columns(inputs)}`)
  sections.push(`outputs\n${columns(portLines(portsOf(stage.outputs)))}`)
  const parameters = paramLines(stage.params.schema)
  if (parameters.length) sections.push(`with\n${columns(parameters)}`)
  if (stage.example) sections.push(`example\n${stage.example.trimEnd().replace(/^/gm, '  ')}`)
  return sections.join('\n\n')
}

export function addCatalogue(program: Command, shell: Shell): void {
  program
    .command('stages')
    .argument('[stage]', 'KIND/NAME')
    .description('The stages there are, or one’s ports and parameters.')
    .option('--of <file>', 'with those of this pipeline’s plugins')
    .addHelpText('after', '\nExample:\n  hone stages tune/lora')
    .action(async (id: string | undefined, flags: { of?: string }) => {
      const registry = await registryOf(shell, flags.of === undefined ? [] : [flags.of])
      if (!registry) return
      if (id === undefined) {
        const stages = registry.stages.map(s => ({ id: s.definition.id, version: s.definition.version, summary: s.definition.summary, plugin: s.plugin.name }))
        return shell.answer({ stages }, () => columns(stages.map(s => [shell.out.bold(s.id), s.summary])))
      }
      const stage = registry.stage(id)?.definition
      if (!stage) return shell.refuse(`There is no stage "${id}". ${didYouMean(id, registry.stages.map(s => s.definition.id)) ?? '`hone stages` lists them.'}`)
      const names = (ports: Ports | undefined) => ports && Object.fromEntries(Object.entries(ports).map(([name, p]) => [name, { kind: p.kind.id, optional: p.optional ?? false, ...('many' in p && { many: p.many ?? false }) }]))
      shell.answer({ id: stage.id, version: stage.version, summary: stage.summary, inputs: names(portsOf(stage.inputs)), outputs: names(portsOf(stage.outputs)), params: stage.params.schema }, () => documentation(stage, shell.out.bold))
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
