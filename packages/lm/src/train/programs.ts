import type { Executable } from '../tensor/types.js'
import type { TokenRows } from '../text/types.js'
import type { MicroBatch } from './batches.js'
import { fillFeeds, makeFeeds, type BatchFeeds } from './feeds.js'
import { chooseShapes, shapeFor, sizeOf, type StepShape } from './shapes.js'
import type { TrainableModel } from './trainable-model.js'

/** The programs that a list of micro-batches needs, a shape each, compiled when first asked for. */
export class Programs {
  readonly shapes: readonly StepShape[]
  readonly #rows: TokenRows
  readonly #compile: (shape: StepShape) => Promise<Executable>
  readonly #compiled = new Map<StepShape, { executable: Executable; feeds: BatchFeeds }>()

  constructor(rows: TokenRows, batches: Iterable<MicroBatch>, model: TrainableModel, compile: (shape: StepShape) => Promise<Executable>) {
    this.#rows = rows
    this.#compile = compile
    this.shapes = chooseShapes(Array.from(batches, batch => sizeOf(rows, batch)), model)
  }

  /** The program for a micro-batch, its feeds filled. `supervised` and `tokens` count what is in it, without padding. */
  async prepare(batch: MicroBatch): Promise<{ executable: Executable; feeds: BatchFeeds; shape: StepShape; supervised: number; tokens: number }> {
    const shape = shapeFor(this.shapes, sizeOf(this.#rows, batch))
    let program = this.#compiled.get(shape)
    if (!program) this.#compiled.set(shape, (program = { executable: await this.#compile(shape), feeds: makeFeeds(shape) }))
    return { ...program, shape, ...fillFeeds(this.#rows, batch, shape, program.feeds) }
  }

  async dispose(): Promise<void> {
    for (const { executable } of this.#compiled.values()) await executable.dispose()
    this.#compiled.clear()
  }
}
