import { didYouMean } from '../diagnostics/suggestion.js'
import { parseSize } from '../source/quantities.js'

const amounts: Readonly<Record<string, readonly [isFine: (value: unknown) => boolean, wanted: string]>> = {
  cpus: [value => typeof value === 'number' && value > 0, 'a number above 0'],
  gpus: [value => Number.isInteger(value) && (value as number) >= 0, 'a whole number ≥ 0'],
  memory: [value => parseSize(value) !== undefined, 'a number of bytes, or a size as "4GiB"'],
}

/** What is wrong with the resources that a stage answers, if anything is. */
export function resourceFault(given: unknown): string | undefined {
  if (typeof given !== 'object' || given === null) return 'a map of cpus, memory and gpus is wanted'
  for (const [name, value] of Object.entries(given)) {
    const amount = amounts[name]
    if (!amount) return `"${name}" is none of them. ${didYouMean(name, Object.keys(amounts))}`
    if (value !== undefined && !amount[0](value)) return `"${name}" must be ${amount[1]}; got ${JSON.stringify(value)}`
  }
  return undefined
}
