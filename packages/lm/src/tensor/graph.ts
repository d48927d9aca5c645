/** Element types inside a program; only float32 and int32 cross its border. */
export type ValueType = 'float32' | 'int32' | 'int64' | 'bool'
export type ConstantData = Float32Array | Int32Array | BigInt64Array | Uint8Array

/** The result of one operation, or something fed or stored: a node of the SSA graph's data flow. */
export interface Value {
  readonly id: number
  readonly shape: readonly number[]
  readonly dtype: ValueType
}

/** A bare number is an integer attribute, `{ float }` a floating point one. */
export type Attribute = number | { readonly float: number } | string | readonly number[]

export interface Operation {
  readonly op: string
  /** '' for ONNX's own operators, 'com.microsoft' for ONNX Runtime's. */
  readonly domain: string
  readonly inputs: readonly Value[]
  readonly attributes: Readonly<Record<string, Attribute>>
  readonly outputs: readonly Value[]
}

export interface ResultType {
  readonly shape: readonly number[]
  readonly dtype: ValueType
}

export interface InputValue { readonly name: string; readonly value: Value }
export interface ConstantValue { readonly name: string | undefined; readonly value: Value; readonly data: ConstantData }
export interface OutputValue { readonly name: string; readonly value: Value }

/** Constants up to this many bytes are compared by content and shared. */
const SHARED_CONSTANT_BYTES = 4096

/**
 * A program under construction: operations in the order in which they were asked for, each once (common subexpressions are
 * recognised when they are emitted).
 */
export class Graph {
  readonly operations: Operation[] = []
  readonly inputs: InputValue[] = []
  readonly constants = new Map<number, ConstantValue>()
  private nextId = 0
  private recomputation = 0
  private readonly known = new Map<string, readonly Value[]>()
  private readonly knownConstants = new Map<string, Value>()

  private fresh({ shape, dtype }: ResultType): Value {
    return { id: this.nextId++, shape: [...shape], dtype }
  }

  input(name: string, shape: readonly number[], dtype: ValueType): Value {
    const value = this.fresh({ shape, dtype })
    this.inputs.push({ name, value })
    return value
  }

  constant(data: ConstantData, shape: readonly number[], dtype: ValueType, name?: string): Value {
    const key = data.byteLength <= SHARED_CONSTANT_BYTES && name === undefined ? `${dtype}[${shape.join()}]${contentKey(data)}` : undefined
    const shared = key === undefined ? undefined : this.knownConstants.get(key)
    if (shared) return shared
    const value = this.fresh({ shape, dtype })
    this.constants.set(value.id, { name, value, data })
    if (key !== undefined) this.knownConstants.set(key, value)
    return value
  }

  scalar(number: number, dtype: ValueType): Value {
    return this.constant(typedArray(dtype, [number]), [], dtype)
  }

  /** A list of int64, as shapes, axes and offsets are given to ONNX operators. */
  list(numbers: readonly number[]): Value {
    return this.constant(typedArray('int64', numbers), [numbers.length], 'int64')
  }

  /** Emits an operation with one result, or finds the equal one emitted before. */
  emit(op: string, inputs: readonly Value[], result: ResultType, attributes: Readonly<Record<string, Attribute>> = {}, domain = ''): Value {
    return this.emitMany(op, inputs, [result], attributes, domain)[0] as Value
  }

  emitMany(
    op: string, inputs: readonly Value[], results: readonly ResultType[], attributes: Readonly<Record<string, Attribute>> = {}, domain = '',
  ): readonly Value[] {
    const key = `${this.recomputation}|${domain}|${op}|${inputs.map(v => v.id).join()}|${JSON.stringify(attributes)}|${results.length}`
    const known = this.known.get(key)
    if (known) return known
    const outputs = results.map(r => this.fresh(r))
    this.operations.push({ op, domain, inputs, attributes, outputs })
    this.known.set(key, outputs)
    return outputs
  }

  /**
   * What `body` emits is computed anew even where an equal value exists, so that the earlier one need not be kept in memory
   * until then: time for memory.
   */
  recompute<T>(body: () => T): T {
    const before = this.recomputation
    this.recomputation = ++recomputations
    try {
      return body()
    } finally {
      this.recomputation = before
    }
  }
}

let recomputations = 0

/** The operations that lead to `outputs`, in their order. */
export function withoutDeadCode(operations: readonly Operation[], outputs: readonly OutputValue[]): Operation[] {
  const needed = new Set(outputs.map(o => o.value.id))
  const kept: Operation[] = []
  for (let i = operations.length - 1; i >= 0; i--) {
    const operation = operations[i] as Operation
    if (!operation.outputs.some(o => needed.has(o.id))) continue
    kept.push(operation)
    for (const input of operation.inputs) needed.add(input.id)
  }
  return kept.reverse()
}

export function typedArray(dtype: ValueType, numbers: ArrayLike<number>): ConstantData {
  switch (dtype) {
    case 'float32': return Float32Array.from(numbers)
    case 'int32': return Int32Array.from(numbers)
    case 'int64': return BigInt64Array.from(Array.from(numbers, BigInt))
    case 'bool': return Uint8Array.from(numbers)
  }
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)
export const sameShape = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((d, i) => d === b[i])

/** The shape of an element-wise operation's result, by NumPy's rules. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1
    const y = b[b.length - rank + i] ?? 1
    return x === 1 ? y : x
  })
}

function contentKey(data: ConstantData): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')
}
