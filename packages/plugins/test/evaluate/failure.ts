import { StageFailed } from '../context.js'

/** What a stage that must fail said. */
export async function failure(ran: Promise<unknown>): Promise<StageFailed> {
  try {
    await ran
  } catch (e) {
    if (e instanceof StageFailed) return e
    throw e
  }
  throw new Error('did not fail')
}
