import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { availableParallelism, cpus, freemem, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { findProjectRoot, openPipeline, openProject, servicesOf, storeRoot, type LoadedPlugin, type Registry, type Result } from 'hone-engine'
import { probeEngines } from 'hone-plugins'
import { columns } from '../terminal/columns.js'
import { size } from '../terminal/format.js'
import { builtIn, type Shell } from '../shell.js'

const said = { found: 'found', 'not-installed': 'not installed', 'native-library': 'native library missing' } as const

/** The plugins that hone.yaml names, and the pipeline: each once. */
async function pluginsHere(shell: Shell, projectRoot: string, file: string | undefined): Promise<readonly LoadedPlugin[] | undefined> {
  const found = new Map<string, LoadedPlugin>()
  const registries = [await openProject(projectRoot, builtIn(), shell.isOwnCommand), ...(file === undefined ? [] : [await registryOfFile(shell, file)])]
  for (const registry of registries) {
    if (!registry.ok) {
      shell.diagnostics(registry.diagnostics)
      shell.exit(2)
      return undefined
    }
    for (const plugin of registry.value.plugins) found.set(plugin.source ?? plugin.module, plugin)
  }
  return [...found.values()]
}

async function registryOfFile(shell: Shell, file: string): Promise<Result<Registry>> {
  const opened = await openPipeline(shell.open(file, {}))
  if (!opened.ok) return opened
  await opened.value.store.close()
  return { ok: true, value: opened.value.registry, diagnostics: [] }
}

export function addDoctor(program: Command, shell: Shell): void {
  program
    .command('doctor')
    .argument('[file]', 'a pipeline, for what its plugins provide')
    .description('What this machine can do: cores, memory, disk, engines, and who provides which service and command.')
    .summary('What this machine can do, and who provides what.')
    .addHelpText('after', '\nExample:\n  hone doctor pipelines/quickstart.yaml')
    .action(async (file: string | undefined) => {
      const projectRoot = findProjectRoot(file ?? join(process.cwd(), 'pipeline.yaml'))
      const plugins = await pluginsHere(shell, projectRoot, file)
      if (!plugins) return
      const root = storeRoot(projectRoot)
      let place = root
      while (!existsSync(place)) place = dirname(place)
      const disk = statfsSync(place)
      let isWritable = true
      try {
        accessSync(place, constants.W_OK)
      } catch {
        isWritable = false
      }
      const engines = await probeEngines()
      const chosen = engines.find(e => e.name === 'onnx' && e.state === 'found')
      const report = {
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
        cpus: availableParallelism(),
        cpu: cpus()[0]?.model ?? 'unknown',
        memory: { total: totalmem(), free: freemem() },
        store: { path: root, writable: isWritable, free: disk.bavail * disk.bsize },
        engines,
        engine: chosen?.name ?? null,
        services: (await servicesOf(plugins.flatMap(({ name, definition }) => (definition.provides ?? []).map(provider => ({ plugin: name, provider }))))()).bindings,
        commands: plugins.flatMap(({ name, definition }) => (definition.commands ?? []).map(command => ({ name: command.name, from: name }))),
      }
      shell.answer(report, () =>
        [
          columns([
            ['node', report.node],
            ['system', report.platform],
            ['cores', `${report.cpus} (${report.cpu})`],
            ['memory', `${size(report.memory.total)}, ${size(report.memory.free)} free`],
            ['store', `${root}, ${size(report.store.free)} free${isWritable ? '' : shell.out.red(', not writable')}`],
          ]),
          'engines',
          columns(engines.map(e => [`  ${e.name}`, e.state === 'found' ? shell.out.green(said.found) : shell.out.yellow(said[e.state]), e.detail.trimEnd().replaceAll(/\s*\n\s*/g, '\n    ')])),
          chosen ? '  chosen: onnx, the compiled engine; `backend:` or HONE_BACKEND asks for another' : '  none can be used',
          'services',
          columns(report.services.map(s => [`  ${s.name}`, `from ${s.from}${s.replaces ? `, in place of ${s.replaces}’s` : ''}`])),
          ...(report.commands.length > 0 ? ['commands', columns(report.commands.map(c => [`  ${c.name}`, `from ${c.from}`]))] : []),
        ].join('\n'),
      )
      if (!chosen) shell.exit(1)
    })
}
