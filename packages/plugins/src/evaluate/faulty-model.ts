import type { ArtifactHandle, StageContext } from 'hone-engine'
import { CheckpointError, NotFinite } from 'hone-lm'

/** Ends the stage at the parameter of its model where that is not what it says or what it gives is not finite; whatever else went wrong is thrown on. */
export function failWhereFaulty({ fail, inputs }: Pick<StageContext, 'fail' | 'inputs'>, error: unknown, param = 'model'): never {
  if (error instanceof NotFinite) return fail(error.message, param, 'Fetch, convert or train it again.')
  const adapter = inputs.adapter as ArtifactHandle | undefined
  if (error instanceof CheckpointError) return fail(error.message, adapter && error.file.startsWith(adapter.path) ? 'adapter' : param)
  throw error
}
