import type { Result } from './diagnostics/result.js'
import { sharedLookups } from './plan/fingerprint.js'
import type { PlanOptions } from './plan/plan.js'
import type { OpenedPipeline } from './prepare.js'

/** What of a pipeline is asked for, in stages (`tuned`) or nodes (`tuned[rank=8]`). */
export interface Selection {
  /** These and what they need; all when none is given. */
  readonly stages?: readonly string[]
  /** Runs all that is selected anew, or only these. */
  readonly force?: true | readonly string[]
  /** Only these: what they need must be hits. */
  readonly only?: readonly string[]
  /** These and all that follows, anew. */
  readonly from?: readonly string[]
  /** Fetches the outside data of these anew. */
  readonly refresh?: readonly string[]
}

export function selectionOf(opened: OpenedPipeline, _selection: Selection): Result<PlanOptions> {
  const { store, registry, backend } = opened
  return {
    ok: true,
    diagnostics: [],
    value: {
      store,
      registry,
      shared: sharedLookups(),
      ...(backend !== undefined && { backend }),
      bind: node => ({ params: node.params, template: node.params, env: node.env, envTemplate: node.env }),
      whenOf: node => node.when,
    },
  }
}
