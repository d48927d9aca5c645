import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { Digest, JsonObject } from '../artifacts/types.js'
import { lightCancelMs, patience } from '../execute/host.js'
import { checkPlugin } from '../plugin/check-plugin.js'
import type { Determinism, StageDefinition, StageProblem } from '../plugin/define.js'
import { onAnotherDay } from './another-day.js'
import { attempt, type Attempt } from './attempt.js'
import { digestsBelow, firstDifference, namesThatDiffer } from './contents.js'
import { keptInModule } from './kept-in-module.js'
import { ofOtherTypes, ofOtherValues, openToAnyKey, wrongDefault, wrongExample, wrongValues } from './parameter-checks.js'
import { deafProbe, writingProbe, wrongProbe } from './probe-checks.js'
import { askForStage, completeParams, layOut, parameterProblems, type StageSetting } from './setting.js'

/** Parameters that must be refused, and what must be said. */
export interface WrongParameters {
  /** Over those of the setting. */
  readonly params: Readonly<Record<string, unknown>>
  readonly says: RegExp
}

export interface ConformanceOptions extends StageSetting {
  readonly wrong?: readonly WrongParameters[]
  /** For a stage with `extends`: the parameters of an earlier result that it can go on from, over those of the setting. */
  readonly earlier?: Readonly<Record<string, unknown>>
  /** How soon after a cancel it must have ended; what the engine waits unless told. */
  readonly graceMs?: number
  /** How long a run may take at most. */
  readonly timeoutMs?: number
}

export interface Check {
  readonly name: string
  /** Throws an Error that says what is wrong and, where one can tell, what to do. */
  readonly run: () => Promise<void>
}

/**
 * Everything that the engine relies on of a stage, as checks for any test runner: `for (const { name, run } of conformance(stage, { params, inputs }))
 * test(name, run)`. They share their runs of the stage, the first of which is made by the first check that needs it; where that fails,
 * the check that says so is the only one of those that does. They run in this process, one after the other.
 */
export function conformance(stage: StageDefinition<any>, options: ConformanceOptions = {}): readonly Check[] {
  askForStage(stage, 'conformance')
  const timeoutMs = options.timeoutMs ?? 60_000
  const graceMs = options.graceMs ?? (stage.light ? lightCancelMs : patience.cancelMs)
  const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
    let made: Promise<T> | undefined
    return () => (made ??= make())
  }
  const given = (options.params ?? {}) as JsonObject
  const determinism = (): Determinism => (typeof stage.determinism === 'function' ? stage.determinism(completeParams(stage, options)) : stage.determinism)
  const first = once(() => attempt(stage, options, { timeoutMs, lingerMs: 100 }))
  // Equal bytes anywhere hold with other threads, too, and on any day.
  const second = once(() => onAnotherDay(() => attempt(stage, { ...options, threads: (options.threads ?? 1) + (determinism() === 'bytes' ? 1 : 0) }, { timeoutMs })))
  const isGood = ({ result, outputFault }: Attempt) => result?.ok === true && !outputFault
  /** A run that did what it should, else undefined: what it should not have done is told by a check of its own. */
  const good = (made: () => Promise<Attempt>) => made().then(run => (isGood(run) ? run : undefined), () => undefined)
  /** Where something is still being written, nothing can be compared. */
  const comparable = (made: () => Promise<Attempt>) => good(made).then(run => (run && run.writtenLate.length === 0 ? run : undefined))
  const ofGoodRuns = (look: (run: Attempt) => string | undefined) => async () => {
    for (const made of [first, second]) {
      const run = await good(made)
      if (run) refuse(look(run))
    }
  }
  const checks: Check[] = [
    { name: 'is defined as the engine asks', run: async () => refuse(definitionFault(stage)) },
    { name: 'has defaults that its schema accepts', run: async () => refuse(wrongDefault(stage)) },
    ...(stage.example === undefined ? [] : [{ name: 'has an example that its schema accepts', run: async () => refuse(wrongExample(stage)) }]),
    { name: 'refuses a parameter that its schema does not list', run: async () => refuse(openToAnyKey(stage, given)) },
    { name: 'refuses wrong values by the name of their parameter', run: async () => refuse(await wrongValues(stage, given, await layOut(stage, options).then(p => p.checkInputs, () => ({})))) },
    ...(options.wrong ?? []).map(wrong => ({ name: `refuses ${JSON.stringify(wrong.params)}`, run: async () => refuse(await notRefused(stage, options, wrong, timeoutMs)) })),
    {
      name: 'runs to its end',
      run: async () => {
        for (const made of [first, second]) {
          const { result } = await made()
          if (!result) refuse(`did not end within ${timeoutMs} ms`)
          else if (!result.ok && result.failure.reason !== 'outputs' && result.failure.reason !== 'returned-early') refuse(`failed: ${result.failure.message}${result.failure.stack ? `\n${result.failure.stack}` : ''}`)
        }
      },
    },
    {
      name: 'leaves its declared outputs and no other',
      run: async () => {
        for (const made of [first, second]) {
          const { result, outputFault } = (await made().catch(() => undefined)) ?? {}
          const fault = outputFault ?? (result && !result.ok && result.failure.reason === 'outputs' ? result.failure : undefined)
          refuse(fault && `${fault.message}${fault.hint ? `. ${fault.hint}` : ''}`)
        }
      },
    },
    {
      name: 'gives the same bytes again',
      run: async () => {
        const [a, b] = [await comparable(first), await comparable(second)]
        if (a && b && determinism() !== 'none') refuse(difference(a, b), `it declares determinism: '${determinism()}'; the second run had another day, another time zone${determinism() === 'bytes' ? ' and another number of threads' : ''}`)
      },
    },
    {
      name: 'gives the same bytes with its memo empty, half full and full',
      run: async () => {
        const [before, again] = [await comparable(first), await comparable(second)]
        if (!before || !again || difference(before, again) || determinism() === 'none') return
        const { memoRoot } = before.place.request
        if (!existsSync(memoRoot)) return
        for (const part of [1, 0.5]) {
          const after = await attempt(stage, options, { timeoutMs, memoRoot: partOfMemo(memoRoot, before.place.root, part) })
          const says = `with its memo ${part === 1 ? 'full' : 'half full'}`
          if (!isGood(after)) refuse(`fails ${says}: ${failureOf(after)}`)
          refuse(difference(before, after), `${says}; what the function of memo.map gives must depend on its rows and the salt alone`)
        }
        const others = [
          ...ofOtherValues(stage, completeParams(stage, options), options).map(({ name, value, params }) => ({ says: `with ${name}: ${JSON.stringify(value)}`, other: { ...options, params }, filledBy: 'other parameters', named: 'each parameter' })),
          { says: 'with another seed', other: { ...options, seed: (options.seed ?? 0) + 1 }, filledBy: 'the first seed', named: 'the seed' },
        ]
        for (const { says, other, filledBy, named } of others) {
          const without = await attempt(stage, other, { timeoutMs })
          if (!isGood(without)) continue
          const after = await attempt(stage, other, { timeoutMs, memoRoot: partOfMemo(memoRoot, before.place.root, 1) })
          if (!isGood(after)) refuse(`fails ${says} and a memo that ${filledBy} filled: ${failureOf(after)}`)
          refuse(difference(without, after), `${says} and an empty memo, then with one that ${filledBy} filled; the salt must name ${named} that the function of memo.map reads`)
        }
      },
    },
    {
      name: 'gives the same bytes whatever its module has run before',
      run: async () => {
        const [before, again] = [await comparable(first), await comparable(second)]
        if (!before || !again || difference(before, again) || determinism() === 'none') return
        const run = (of: StageDefinition, setting: StageSetting) => comparable(() => attempt(of, setting, { timeoutMs }))
        refuse(await keptInModule(stage, { setting: options, before, run, difference }), 'a process runs one stage after another; only what depends on nothing but code may be kept')
      },
    },
    {
      name: 'bears each type that its schema lets through',
      run: async () => {
        if (!(await good(first))) return
        for (const { name, value, params } of ofOtherTypes(stage, completeParams(stage, options), options)) {
          if ((await problemsByCheck(stage, options, params)).length > 0) continue
          const { result } = await attempt(stage, { ...options, params }, { timeoutMs })
          if (result && !result.ok && result.failure.reason === 'threw') refuse(`takes ${name}: ${JSON.stringify(value)} and then throws: ${result.failure.message}. Narrow its schema, answer it from \`check\`, or end the stage with \`fail\``)
        }
      },
    },
    {
      name: 'reads only parameters that its schema lists, and changes none',
      run: ofGoodRuns(({ unlisted, changedParams }) => (unlisted.length > 0 ? `reads the parameter ${quoted(unlisted)}, which the schema does not list` : changedParams ? 'changes its parameters: copy what it works on' : undefined)),
    },
    { name: 'leaves its inputs as they are', run: ofGoodRuns(({ changedInputs }) => (changedInputs.length > 0 ? `changes its inputs: ${changedInputs.join(', ')}. Copy to scratch what it works on` : undefined)) },
    {
      name: 'writes nowhere but to its outputs and its scratch',
      run: ofGoodRuns(({ writtenOutside }) => (writtenOutside.length > 0 ? `writes to ${writtenOutside.join(', ')}. What is only needed meanwhile belongs in scratch` : undefined)),
    },
    {
      name: 'has ended when its function returns',
      run: async () => {
        for (const made of [first, second]) {
          const { result } = (await made().catch(() => undefined)) ?? {}
          if (result && !result.ok && result.failure.reason === 'returned-early') refuse(result.failure.message)
        }
        await ofGoodRuns(({ writtenLate, goesOn, remains: { processes } }) =>
          writtenLate.length > 0 ? `goes on after its function has returned, and writes ${writtenLate.join(', ')}: await everything`
          : processes.length > 0 ? `leaves a process running: ${processes.join('; ')}. Await its end, or end it`
          : goesOn)()
      },
    },
    {
      name: 'leaves its process where it was',
      run: ofGoodRuns(({ remains: { workingDirectory } }) => workingDirectory && `changes the working directory of its process to ${workingDirectory}, which the next stage finds: give paths whole, and \`cwd\` to what it starts`),
    },
    {
      name: 'ends soon after it is cancelled',
      run: async () => {
        const { durationMs } = (await good(first)) ?? {}
        if (durationMs === undefined) return
        for (const cancelAfterMs of [0, Math.max(1, durationMs / 2)]) {
          const { cancelledForMs } = await attempt(stage, options, { cancelAfterMs, timeoutMs: cancelAfterMs + graceMs + 50 })
          if (cancelledForMs > graceMs) refuse(`had not ended ${Math.round(graceMs)} ms after it was cancelled: look at \`signal\``)
        }
      },
    },
    {
      name: 'goes on from its scratch to the same bytes',
      run: async () => {
        const undisturbed = await comparable(first)
        if (!undisturbed || !stage.resumable || determinism() === 'none') return
        const stopped = await attempt(stage, options, { cancelAfterMs: Math.max(1, undisturbed.durationMs / 2), timeoutMs })
        const after = await attempt(stage, options, { goesOn: stopped.place, timeoutMs })
        if (!isGood(after)) refuse(`fails when it goes on after a cancel: ${failureOf(after)}`)
        refuse(difference(undisturbed, after), 'when it goes on after a cancel, with what that left in scratch')
      },
    },
    ...(stage.probe ? [
      { name: 'answers its probe with the same text while nothing changes', run: async () => refuse(await wrongProbe(stage, options, timeoutMs)) },
      { name: 'writes nothing when it is asked after its outside data', run: async () => refuse(await writingProbe(stage, options, timeoutMs)) },
      { name: 'ends its probe soon after it is cancelled', run: async () => refuse(await deafProbe(stage, options, timeoutMs, options.graceMs)) },
    ] : []),
    ...(stage.extends?.length ? [{
      name: 'goes on from an earlier result to the same bytes',
      run: async () => {
        const fromNothing = await comparable(first)
        if (!fromNothing || determinism() === 'none') return
        if (!options.earlier) refuse(`extends ${quoted(stage.extends ?? [])}: give the parameters of an earlier result as \`earlier: { … }\``)
        const other = { ...options, params: { ...options.params, ...options.earlier } }
        const earlier = await attempt(stage, other, { timeoutMs })
        if (!isGood(earlier)) refuse(`fails with the parameters of \`earlier\`: ${failureOf(earlier)}`)
        const kept = digestsBelow(earlier.place.request.keep!)
        if (Object.keys(kept).length === 0) refuse('leaves nothing in `keep` to go on from')
        const after = await attempt(stage, options, { prior: earlier.place, timeoutMs })
        if (!isGood(after)) refuse(`fails when it goes on from an earlier result: ${failureOf(after)}`)
        if (namesThatDiffer(kept, digestsBelow(earlier.place.request.keep!)).length > 0) refuse('changes what an earlier result kept: copy it to scratch')
        refuse(difference(fromNothing, after), 'when it goes on from an earlier result; where it cannot, it must start from nothing')
        // Which of two results there is first is for whoever runs it to say.
        const back = await attempt(stage, other, { prior: fromNothing.place, timeoutMs })
        if (!isGood(back)) refuse(`fails when it is offered the result of ${JSON.stringify(options.params ?? {})} and is to give that of ${JSON.stringify(options.earlier)}: ${failureOf(back)}`)
        refuse(difference(earlier, back), `with ${JSON.stringify(options.earlier)}, when it is offered the result of ${JSON.stringify(options.params ?? {})}; where it cannot go on from one, it must start from nothing`)
      },
    }] : []),
  ]
  const isDefined = once(async () => definitionFault(stage) === undefined)
  return checks.map(({ name, run }, i) => ({
    name: `${stage.id} ${name}`,
    // On a definition that is none nothing else can be said.
    run: async () => (i === 0 || (await isDefined()) ? run() : undefined),
  }))
}

/** Defaults have a check of their own. */
const definitionFault = (stage: StageDefinition): string | undefined => checkPlugin({ name: 'the plugin', api: 1, stages: [stage] }, stage.id, { withDefaults: false })[0]?.message

function refuse(message: string | undefined, where?: string): void {
  if (message !== undefined) throw new Error(where === undefined ? message : `${message} (${where})`)
}

const quoted = (names: readonly string[]) => names.map(name => `"${name}"`).join(', ')

const failureOf = ({ result, outputFault }: Attempt) => (result?.ok ? outputFault?.message : (result?.failure.message ?? 'it did not end')) ?? ''

function difference(a: Attempt, b: Attempt): string | undefined {
  for (const port of Object.keys(a.outputs)) {
    const [name] = namesThatDiffer(a.outputs[port] as Record<string, Digest>, b.outputs[port] as Record<string, Digest>)
    if (name === undefined) continue
    const [left, right] = [a, b].map(({ place }) => join(place.request.outputs[port]!.path, name))
    const where = firstDifference(left!, right!)
    return `the output "${port}" differs${name ? ` in ${name}` : ''}${where ? `: ${where}` : ''}`
  }
  const [x, y] = [a, b].map(({ result }) => (result?.ok ? result.metrics : {}))
  const [metric] = namesThatDiffer(x!, y!)
  return metric === undefined ? undefined : `the metric ${metric} is ${x![metric]}, then ${y![metric]}`
}

/** A copy of a memo of which so much is left, as after a kill. */
function partOfMemo(memoRoot: string, root: string, part: number): string {
  const copy = mkdtempSync(join(root, 'memo-'))
  for (const folder of readdirSync(memoRoot)) {
    mkdirSync(join(copy, folder))
    for (const name of readdirSync(join(memoRoot, folder))) {
      const to = join(copy, folder, name)
      copyFileSync(join(memoRoot, folder, name), to)
      truncateSync(to, Math.floor(statSync(to).size * part))
    }
  }
  return copy
}

/** What a stage's own check refuses; the parameters have their defaults. */
async function problemsByCheck(stage: StageDefinition, options: ConformanceOptions, params: JsonObject): Promise<readonly StageProblem[]> {
  const { checkInputs } = await layOut(stage, { ...options, params })
  return ((await stage.check?.({ params, inputs: checkInputs, upstream: {} })) ?? []).filter(p => p.severity !== 'warning')
}

async function notRefused(stage: StageDefinition, options: ConformanceOptions, { params, says }: WrongParameters, timeoutMs: number): Promise<string | undefined> {
  const all = { ...options.params, ...params }
  const filled = structuredClone(all) as JsonObject
  const bySchema = parameterProblems(stage, filled, options)
  if (bySchema.length > 0) return said(bySchema.map(p => p.message).join('; '), says)
  const byCheck = await problemsByCheck(stage, options, filled)
  if (byCheck.length > 0) return said(byCheck.map(p => p.message).join('; '), says)
  const { result } = await attempt(stage, { ...options, params: all }, { timeoutMs })
  if (!result || result.ok) return 'takes them'
  if (result.failure.reason !== 'failed') return `throws instead of saying what is wrong: ${result.failure.message}. Answer it from \`check\`, or end the stage with \`fail\``
  return said(result.failure.message, says)
}

const said = (message: string, says: RegExp): string | undefined => (says.test(message) ? undefined : `says “${message}”, which ${String(says)} does not match`)
