import type { JsonObject } from '../artifacts/types.js'
import type { SourceRange } from '../diagnostics/diagnostic.js'

/** A value of the YAML whose strings may hold `${{ … }}`, still unevaluated, with the place that each part came from. */
export interface Located<T = unknown> {
  readonly value: T
  readonly range: SourceRange
}

/** Finds the range of a part of the file by its path: `['stages', 'tuned', 'with', 'rank']`. `key` asks for the key, not the value. */
export type RangeOf = (path: readonly (string | number)[], which?: 'key' | 'value') => SourceRange

/** The file after parsing and the checks that need no plugin: its shape is right, expressions parse, ids are ids. */
export interface Pipeline {
  readonly name: string
  readonly description?: string
  /** The command that gets inputs which are not in the project; told where one is missing. */
  readonly fetch?: string
  /** Absolute. */
  readonly file: string
  readonly projectRoot: string
  readonly text: string
  /** After `--set` and `--params`. */
  readonly params: JsonObject
  readonly plugins: readonly Located<string>[]
  readonly stages: readonly StageSource[]
  /** In a pipeline with mistakes: the stages that could not be read at all, so that references to them are not mistakes too. */
  readonly unread?: readonly string[]
  /** What `env.NAME` reads: the process environment. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly rangeOf: RangeOf
  /** The range of `length` characters of a string in the file, counted in its value from `start` on. */
  readonly rangeIn: (path: readonly (string | number)[], start: number, length: number) => SourceRange
}

/**
 * One stage with the defaults merged in. `with`, `inputs`, `when`, `env`, `resources`, `seed` and `publish` hold raw values with `${{ … }}`:
 * their values stand in the nodes of the graph. In `matrix` they are computed, since it reads no more than `params` and `env`.
 */
export interface StageSource {
  readonly id: string
  readonly uses: Located<string>
  readonly with: JsonObject
  readonly inputs: Readonly<Record<string, InputSource>>
  readonly needs: readonly Located<string>[]
  /** `unread` where there is one that has mistakes. */
  readonly matrix?: MatrixSource | 'unread'
  readonly when?: Located<string | boolean>
  readonly resources: JsonObject
  readonly timeoutMs?: number
  readonly retry: { readonly attempts: number; readonly backoffMs: number }
  readonly env: Readonly<Record<string, string>>
  readonly publish: Readonly<Record<string, string>>
  readonly cache: boolean
  readonly executor?: string
  /** Where numbers are computed, if the file says so for the stage as a whole. */
  readonly backend?: string
  /** A string is an expression. */
  readonly seed: number | string
  readonly description?: string
}

/** `one` is a bare reference, `list` and `map` are for ports that take many. */
export type InputSource =
  | { readonly type: 'one'; readonly ref: Located<string> }
  | { readonly type: 'list'; readonly refs: readonly Located<string>[] }
  | { readonly type: 'map'; readonly refs: Readonly<Record<string, Located<string>>> }

export interface MatrixSource {
  readonly axes: Readonly<Record<string, readonly (string | number | boolean)[]>>
  readonly exclude: readonly JsonObject[]
  readonly include: readonly JsonObject[]
}
