import type { JsonObject } from '../artifacts/types.js'
import type { StageDefinition } from '../plugin/define.js'
import { loadedAnew } from './load-plugin.js'
import { ofOtherValues } from './parameter-checks.js'
import { completeParams, type StageSetting } from './setting.js'

/** A setting that differs from the stage's own, and in what. */
export interface OtherSetting {
  readonly says: string
  readonly setting: StageSetting
}

/** The setting with another value of each parameter, another seed and fewer rows: all at once, then each by itself. */
export function otherSettings(stage: StageDefinition, setting: StageSetting): { readonly together: OtherSetting; readonly apart: readonly OtherSetting[] } {
  const changes = [
    ...ofOtherValues(stage, completeParams(stage, setting), setting).map(({ name, value }) => ({ says: `${name}: ${JSON.stringify(value)}`, change: (s: StageSetting) => ({ ...s, params: { ...s.params, [name]: value } }) })),
    { says: 'another seed', change: (s: StageSetting) => ({ ...s, seed: (s.seed ?? 0) + 1 }) },
    ...Object.entries(setting.inputs ?? {}).flatMap(([port, given]) =>
      Array.isArray(given) && given.length > 1 ? [{ says: `fewer rows in "${port}"`, change: (s: StageSetting) => ({ ...s, inputs: { ...s.inputs, [port]: given.slice(1) as readonly JsonObject[] } }) }] : []),
  ]
  return {
    together: { says: changes.map(c => c.says).join(', '), setting: changes.reduce((s, { change }) => change(s), setting) },
    apart: changes.map(({ says, change }) => ({ says, setting: change(setting) })),
  }
}

/** What a check of modules needs of the kit. `difference` is undefined where one of the runs did not do what it should. */
export interface Comparing<Run> {
  readonly setting: StageSetting
  /** In this module, the first time it ran. */
  readonly before: Run
  readonly run: (stage: StageDefinition, setting: StageSetting) => Promise<Run | undefined>
  readonly difference: (a: Run, b: Run) => string | undefined
}

/**
 * Hosts of stages are used again, so that what one node leaves in a module is there for the next: in one that has run with other settings a stage must
 * give what it gives in a fresh one. Where there is no fresh one, as its plugin was not loaded by `loadPlugin`, what it gave the first time must do.
 */
export async function keptInModule<Run>(stage: StageDefinition, { setting, before, run, difference }: Comparing<Run>): Promise<string | undefined> {
  const { together, apart } = otherSettings(stage, setting)
  const all = await run(stage, together.setting)
  for (const { says, setting: other, given } of all ? [{ ...together, given: all }] : apart.map(one => ({ ...one, given: undefined }))) {
    const used = given ?? (await run(stage, other))
    const fresh = used && (await loadedAnew(stage))
    const anew = fresh && (await run(fresh, other))
    const found = used && anew && difference(anew, used)
    if (found) return `what it keeps in its module changes its result: with ${says} ${found}, once it has run in the same module with the setting of this test`
  }
  const again = await run(stage, setting)
  const found = again && difference(before, again)
  return found && `what it keeps in its module changes its result: ${found}, once it has run in the same module with ${together.says}`
}
