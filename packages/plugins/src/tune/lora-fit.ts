import type { StageProblem } from 'hone-engine'
import type { LlamaConfig } from 'hone-lm'

/** What finds the layers that parameters name; given, as planning loads hone-lm only where it must. */
interface Chosen {
  readonly rank: number
  readonly target_modules: 'all-linear' | readonly string[]
  readonly modules_to_save: readonly string[]
}

type Layers = Pick<typeof import('hone-lm/headers'), 'loraTargets' | 'wholeParameters'>

/** What of LoRA's parameters does not fit a model: before the run where a parameter names it, at its start where a stage makes it. */
export function misfit({ loraTargets, wholeParameters }: Layers, config: LlamaConfig, { rank, target_modules, modules_to_save }: Chosen): StageProblem | undefined {
  if (rank > config.hiddenSize) return { message: `"rank" must be ≤ ${config.hiddenSize} (the hidden size); got ${rank}`, param: 'rank' }
  const layers = { targetModules: target_modules, modulesToSave: modules_to_save }
  return problemOf('target_modules', () => loraTargets(config, layers)) ?? problemOf('modules_to_save', () => wholeParameters(config, layers))
}

function problemOf(param: string, find: () => unknown): StageProblem | undefined {
  try {
    find()
    return undefined
  } catch (error) {
    return { message: (error as Error).message, param }
  }
}
