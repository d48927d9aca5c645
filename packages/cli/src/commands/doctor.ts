import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { availableParallelism, cpus, freemem, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { findProjectRoot, servicesOf, storeRoot } from 'hone-engine'
import { probeEngines } from 'hone-plugins'
import { columns } from '../terminal/columns.js'
import { size } from '../terminal/format.js'
import type { Shell } from '../shell.js'

const said = { found: 'found', 'not-installed': 'not installed', 'native-library': 'native library missing' } as const

export function addDoctor(program: Command, shell: Shell): void {
  program
    .command('doctor')
    .description('What this machine can do: cores, memory, disk, engines, services.')
    .action(async () => {
      const root = storeRoot(findProjectRoot(join(process.cwd(), 'pipeline.yaml')))
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
        services: (await servicesOf([])()).bindings,
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
        ].join('\n'),
      )
      if (!chosen) shell.exit(1)
    })
}
