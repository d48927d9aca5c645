import type { Command } from 'commander'
import { didYouMean } from 'hone-engine'
import { complete } from '../completion/candidates.js'
import { scripts } from '../completion/scripts.js'
import { projectSources } from '../completion/sources.js'
import { builtIn, type Shell } from '../shell.js'

export function addCompletion(program: Command, shell: Shell): void {
  program
    .command('completion')
    .argument('<shell>', Object.keys(scripts).join(', '))
    .description('A script by which a shell completes commands, flags, stages and parameters.')
    .summary('A script by which your shell completes.')
    .addHelpText('after', '\nExample:\n  source <(hone completion bash)      in ~/.bashrc\n  source <(hone completion zsh)       in ~/.zshrc, after compinit\n  hone completion fish | source       in ~/.config/fish/config.fish')
    .action((name: string) => {
      const script = scripts[name]
      if (script === undefined) return shell.refuse(`There are no completions for "${name}". ${didYouMean(name, Object.keys(scripts)) ?? ''}`)
      shell.answer({ shell: name, script }, () => script)
    })

  // What the scripts ask, with `--` before the words of the line.
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .description('What may stand for the last of these words.')
    .action((words: readonly string[]) => {
      const { candidates, isPath } = complete(program, words, projectSources(builtIn().map(p => p.definition)))
      for (const { value, description } of candidates) shell.stdout.write(`${value}\t${description}\n`)
      if (isPath) shell.stdout.write(':path\n')
    })
}
