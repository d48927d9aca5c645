import type { StageContext } from 'hone-engine'
import { NotFinite } from 'hone-lm'

/** Ends the stage where what its model gives is not finite; whatever else went wrong is thrown on. */
export function failWhereNotFinite({ fail }: Pick<StageContext, 'fail'>, error: unknown, param = 'model'): never {
  if (error instanceof NotFinite) return fail(error.message, param, 'Fetch, convert or train it again.')
  throw error
}
