import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline/promises'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { locateNamed } from 'hone-engine'
import { generateText, isModelProblem, openSession } from 'hone-plugins'
import { interrupts } from '../interrupts.js'
import { fetchDisplay } from '../terminal/fetching.js'
import { number } from '../terminal/format.js'
import { builtIn, type Shell } from '../shell.js'

interface ModelFlags {
  adapter?: string
  backend?: string
  raw?: boolean
  maxNewTokens: number
  temperature: number
  seed: number
}

interface Located {
  readonly model: string
  readonly adapter: string | undefined
  readonly backend: string | undefined
}

/** The folders of what was named, fetched where need be; says what is wrong and answers undefined where there are none. */
async function locate(shell: Shell, model: string, flags: ModelFlags): Promise<Located | undefined> {
  const kinds = builtIn().flatMap(plugin => plugin.definition.kinds ?? [])
  const { cancel, stop } = interrupts(() => {})
  const paths: Record<string, string> = {}
  for (const [id, reference] of Object.entries({ model, adapter: flags.adapter })) {
    if (reference === undefined) continue
    const kind = kinds.find(k => k.id === id)!
    const located = await locateNamed({ reference, kind, builtIn: builtIn(), cancel, ...(!shell.json && { onFetch: fetchDisplay(shell.stderr) }) })
    if (!located.ok) {
      stop()
      shell.diagnostics(located.diagnostics)
      shell.exit(cancel.aborted ? 130 : 2)
      return undefined
    }
    paths[id] = located.value
  }
  stop()
  return { model: paths['model']!, adapter: paths['adapter'], backend: flags.backend ?? (process.env['HONE_BACKEND'] || undefined) }
}

const temperature = (text: string): number => {
  const value = Number(text)
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError('a number from 0 up is wanted.')
  return value
}

const modelOptions = (command: Command, shell: Shell): Command =>
  command
    .argument('<model>', 'a folder, a .gguf file, PIPELINE.yaml:STAGE[.PORT], or hf:ORG/NAME@REVISION')
    .option('--adapter <dir>', 'a PEFT adapter on top of it, named as the model is')
    .option('--backend <name>', 'onnx (compiled) or eager; else what HONE_BACKEND says')
    .option('--max-new-tokens <n>', 'length of an answer at most', shell.positiveInteger, 128)
    .option('--temperature <t>', '0 takes the likeliest token', temperature, 0)
    .option('--seed <n>', 'for a temperature above 0', Number, 0)

/** Runs it; a model that cannot be used is the user's mistake (exit 2), anything else ours. */
async function usingModel(shell: Shell, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Error) || !(await isModelProblem(error))) throw error
    shell.refuse(`${error.message}${'hint' in error ? `\n  hint: ${String(error.hint)}` : ''}`)
  }
}

export function addModel(program: Command, shell: Shell): void {
  modelOptions(program.command('generate'), shell)
    .description('Answers a prompt.')
    .requiredOption('-p, --prompt <text>', 'what to answer')
    .addOption(new Option('--raw', 'no chat template: continue the text').conflicts('system'))
    .option('--system <text>', 'the system message')
    .addHelpText('after', '\nExample:\n  hone generate out/quickstart/model -p "What is flex-grow?"')
    .action(async (model: string, flags: ModelFlags & { prompt: string; system?: string }) => {
      const located = await locate(shell, model, flags)
      if (!located) return
      await usingModel(shell, async () => {
        const { answers, tokens, tokensPerSecond } = await generateText({
          ...located, raw: flags.raw ?? false, threads: availableParallelism(), prompts: [flags.prompt], system: flags.system,
          maxNewTokens: flags.maxNewTokens, temperature: flags.temperature, seed: flags.seed,
        })
        shell.answer({ text: answers[0]!.text, tokens, tokensPerSecond }, () => `${answers[0]!.text}\n${shell.out.dim(`${tokens} tokens, ${number(Number(tokensPerSecond.toPrecision(3)))}/s`)}`)
      })
    })

  modelOptions(program.command('chat'), shell)
    .description('A conversation on the terminal; /clear forgets it, /exit, /quit or Ctrl-D ends it. Without a terminal each line is answered by one, under --json by an object.')
    .summary('A conversation on the terminal.')
    .option('--system <text>', 'the system message')
    .addHelpText('after', '\nExample:\n  hone chat pipelines/quickstart.yaml:tuned')
    .action(async (model: string, flags: ModelFlags & { system?: string }) => {
      const located = await locate(shell, model, flags)
      if (!located) return
      await usingModel(shell, async () => {
        const chat = await openSession({ ...located, threads: availableParallelism(), ...(flags.system !== undefined && { system: flags.system }) })
        const isTyped = process.stdin.isTTY === true
        const terminal = createInterface({ input: process.stdin, output: shell.stdout, terminal: isTyped })
        const ask = () => {
          if (!isTyped || shell.json) return
          terminal.setPrompt(shell.out.cyan('you> '))
          terminal.prompt()
        }
        ask()
        for await (const line of terminal) {
          const said = line.trim()
          if (said === '/exit' || said === '/quit') break
          if (said === '/clear') chat.clear()
          // Not among the answers, which may be read by a program.
          else if (said === '/help') shell.stderr.write('/clear forgets the conversation; /exit, /quit or Ctrl-D ends it\n')
          else if (said !== '') {
            let shown = 0
            const { text, tokens, tokensPerSecond } = await chat.send(line, {
              maxNewTokens: flags.maxNewTokens,
              ...(flags.temperature > 0 && { sampling: { temperature: flags.temperature, seed: flags.seed } }),
              onText: (_, text) => {
                if (!shell.json) shell.stdout.write(text.slice(shown))
                shown = text.length
              },
            })
            shell.answer({ text, tokens, tokensPerSecond }, () => text.slice(shown))
          }
          ask()
        }
        if (isTyped && !shell.json) shell.stdout.write('\n')
        await chat.dispose()
      })
    })
}
