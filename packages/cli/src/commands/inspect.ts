import type { Command } from 'commander'
import { graphFormats, openPipeline, planPipeline, renderGraph, validatePipeline, whyStage, shellWord, type GraphFormat } from 'hone-engine'
import { planTable } from '../terminal/plan-table.js'
import { cutLines } from '../terminal/text-width.js'
import { pipelineOptions, type PipelineFlags, type Shell } from '../shell.js'

export function addInspect(program: Command, shell: Shell): void {
  pipelineOptions(program.command('plan').argument('<file>', 'pipeline').argument('[stages...]', 'only these and what they need'))
    .description('What would run and why: each stage is hit, run, undetermined (waits for an upstream, may still hit) or skip.')
    .summary('What would run and why.')
    .addHelpText('after', '\nExample:\n  hone plan pipelines/quickstart.yaml --set rank=16')
    .action(async (file: string, stages: string[], flags: PipelineFlags) => {
      const plan = await planPipeline({ ...shell.open(file, flags), ...(stages.length > 0 && { stages }) })
      if (!plan.ok || !shell.json) shell.diagnostics(plan.diagnostics)
      if (!plan.ok) return shell.exit(2)
      shell.answer(planTable.json(plan.value), () => planTable.text(plan.value, shell.out, shell.width))
    })

  pipelineOptions(program.command('why').argument('<file>', 'pipeline').argument('<stage>', 'a stage, or one of its nodes: tuned[rank=8]'))
    .description('The parts of a stage’s key that differ from its last run, old and new.')
    .summary('What changed in a stage’s key since its last run.')
    .addHelpText('after', '\nExample:\n  hone why pipelines/quickstart.yaml tuned')
    .action(async (file: string, stage: string, flags: PipelineFlags) => {
      const whys = await whyStage(shell.open(file, flags), stage)
      if (!whys.ok || !shell.json) shell.diagnostics(whys.diagnostics)
      if (!whys.ok) return shell.exit(2)
      shell.answer({ nodes: whys.value }, () =>
        whys.value
          .map(({ node, uses, action, reasons, differences, described }) => {
            const head = `${shell.out.bold(node)} (${uses}): ${action}`
            if (differences === undefined) return `${head}\n  ${reasons.join('\n  ')}`
            const told = described.length ? described : ['nothing in its key differs from its last run']
            return [head, ...told, ...reasons.filter(r => !told.includes(r) && action !== 'hit')].join('\n  ')
          })
          .join('\n'),
      )
    })

  pipelineOptions(program.command('validate').argument('<files...>', 'pipelines'))
    .description('All mistakes, each with its file, line and column.')
    .addHelpText('after', '\nExample:\n  hone validate pipelines/*.yaml')
    .action(async (files: string[], flags: PipelineFlags) => {
      const all = []
      for (const file of files) all.push(...(await validatePipeline(shell.open(file, flags))))
      const errors = all.filter(d => d.severity === 'error').length
      if (shell.json) shell.answer({ ok: errors === 0, diagnostics: all }, () => '')
      else {
        shell.diagnostics(all)
        if (errors === 0) shell.stdout.write(`${files.length === 1 ? files[0] : `${files.length} files`}: no mistake found\n`)
      }
      shell.exit(errors ? 2 : 0)
    })

  pipelineOptions(program.command('graph').argument('<file>', 'pipeline'))
    .description('The stages, what each takes from which, and what a run would do with each.')
    .summary('The stages, and what each takes from which.')
    .option('-f, --format <format>', graphFormats.join(', '), 'text')
    .option('--no-states', 'as the file alone says; nothing is planned')
    .addHelpText('after', '\nExample:\n  hone graph pipelines/quickstart.yaml --format mermaid')
    .action(async (file: string, flags: PipelineFlags & { format: string; states: boolean }) => {
      const format = (shell.json ? 'json' : flags.format) as GraphFormat
      if (!graphFormats.includes(format)) return shell.refuse(`There is no format "${format}"; there are ${graphFormats.join(', ')}.`)
      // A picture in a language is for a program, whatever the terminal's width.
      const draw = (text: string) => shell.stdout.write(`${format === 'text' ? cutLines(text.trimEnd(), shell.width) : text.trimEnd()}\n`)
      const plan = flags.states ? await planPipeline(shell.open(file, flags)) : undefined
      if (plan?.ok) {
        if (!shell.json) shell.diagnostics(plan.diagnostics)
        draw(renderGraph(plan.value.graph, format, plan.value.nodes))
        return
      }
      // A file that is missing keeps it from being planned, not from being drawn.
      const opened = await openPipeline(shell.open(file, flags))
      if (!opened.ok || !shell.json) shell.diagnostics(opened.diagnostics)
      if (!opened.ok) return shell.exit(2)
      await opened.value.store.close()
      if (plan) shell.stderr.write(shell.asTyped(`Drawn without what a run would do, since it cannot be planned: hone validate ${shellWord(file)}\n`))
      draw(renderGraph(opened.value.graph, format))
    })
}
