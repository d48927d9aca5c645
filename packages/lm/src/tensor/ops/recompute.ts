import { traceBackend } from '../backend.js'
import { isTracing } from './scaled-mat-mul.js'

/** Runs `body` so that a compiled program computes it again here, even where it has the values: they then need not be kept since then. */
export const recompute = <T>(body: () => T): T => (isTracing() ? traceBackend.graph.recompute(body) : body())
