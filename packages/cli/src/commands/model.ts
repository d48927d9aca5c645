import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline/promises'
import { InvalidArgumentError, type Command } from 'commander'
import { generateText, isModelProblem, openSession } from 'hone-plugins'
import { number } from '../terminal/format.js'
import { type Shell } from '../shell.js'
import { findArtifacts } from './artifacts.js'

interface ModelFlags {
  adapter?: string
  raw?: boolean
  maxNewTokens: number
  temperature: number
  seed: number
}

/** MODEL is a folder, a `.gguf` file, or `FILE:STAGE[.PORT]`: what that stage of a pipeline made. */
async function locate(shell: Shell, model: string): Promise<string | undefined> {
  if (existsSync(model)) return model
  const ofStage = /^(.+\.ya?ml):([^:]+)$/.exec(model)
  if (ofStage) {
    const found = await findArtifacts(shell, ofStage[1]!, ofStage[2]!.includes('.') ? ofStage[2]! : `${ofStage[2]}.model`, {})
    return found?.[0]?.path
  }
  return shell.refuse(`There is no model "${model}": a folder, a .gguf file, or PIPELINE.yaml:STAGE is wanted.`)
}

const temperature = (text: string): number => {
  const value = Number(text)
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError('a number from 0 up is wanted.')
  return value
}

const modelOptions = (command: Command, shell: Shell): Command =>
  command
    .argument('<model>', 'a folder, a .gguf file, or PIPELINE.yaml:STAGE')
    .option('--adapter <dir>', 'a PEFT adapter on top of it')
    .option('--max-new-tokens <n>', 'length of an answer at most', shell.positiveInteger, 128)
    .option('--temperature <t>', '0 takes the likeliest token', temperature, 0)
    .option('--seed <n>', 'for a temperature above 0', Number, 0)

/** Runs it; a model that cannot be used is the user's mistake (exit 2), anything else ours. */
async function usingModel(shell: Shell, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Error) || !(await isModelProblem(error))) throw error
    shell.refuse(`error: ${error.message}`)
  }
}

export function addModel(program: Command, shell: Shell): void {
  modelOptions(program.command('generate'), shell)
    .description('Answers a prompt.')
    .requiredOption('-p, --prompt <text>', 'what to answer')
    .option('--raw', 'no chat template: continue the text')
    .addHelpText('after', '\nExample:\n  hone generate out/quickstart/model -p "What is flex-grow?"')
    .action(async (model: string, flags: ModelFlags & { prompt: string }) => {
      const path = await locate(shell, model)
      if (path === undefined) return
      await usingModel(shell, async () => {
        const { answers, tokens, tokensPerSecond } = await generateText({
          model: path, adapter: flags.adapter, raw: flags.raw ?? false, threads: availableParallelism(), prompts: [flags.prompt],
          maxNewTokens: flags.maxNewTokens, temperature: flags.temperature, seed: flags.seed,
        })
        shell.answer({ text: answers[0]!.text, tokens, tokensPerSecond }, () => `${answers[0]!.text}\n${shell.out.dim(`${tokens} tokens, ${number(Number(tokensPerSecond.toPrecision(3)))}/s`)}`)
      })
    })

  modelOptions(program.command('chat'), shell)
    .description('A conversation on the terminal; /clear forgets it, Ctrl-D ends it.')
    .option('--system <text>', 'the system message')
    .addHelpText('after', '\nExample:\n  hone chat pipelines/quickstart.yaml:tuned')
    .action(async (model: string, flags: ModelFlags & { system?: string }) => {
      const path = await locate(shell, model)
      if (path === undefined) return
      await usingModel(shell, async () => {
        const chat = await openSession({ model: path, adapter: flags.adapter, threads: availableParallelism(), ...(flags.system !== undefined && { system: flags.system }) })
        const terminal = createInterface({ input: process.stdin, output: shell.stdout, terminal: process.stdin.isTTY === true })
        const ask = () => {
          terminal.setPrompt(shell.out.cyan('you> '))
          terminal.prompt()
        }
        ask()
        for await (const line of terminal) {
          if (line.trim() === '/clear') chat.clear()
          else if (line.trim() !== '') {
            let shown = 0
            await chat.send(line, {
              maxNewTokens: flags.maxNewTokens,
              ...(flags.temperature > 0 && { sampling: { temperature: flags.temperature, seed: flags.seed } }),
              onText: (_, text) => {
                shell.stdout.write(text.slice(shown))
                shown = text.length
              },
            })
            shell.stdout.write('\n')
          }
          ask()
        }
        shell.stdout.write('\n')
        await chat.dispose()
      })
    })
}
