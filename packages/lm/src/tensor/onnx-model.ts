import protobuf from 'protobufjs/minimal.js'
import type { Attribute, ConstantData, ConstantValue, Value, ValueType } from './graph.js'
import type { Program } from './trace.js'

// The few messages of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3) that a program needs, by field number.
const IR_VERSION = 10
const OPSETS = { '': 21, 'com.microsoft': 1 }
const elementType: Readonly<Record<ValueType, number>> = { float32: 1, int32: 6, int64: 7, bool: 9 }

const bytes = (field: number): number => (field << 3) | 2
const varint = (field: number): number => field << 3
const fixed32 = (field: number): number => (field << 3) | 5

type Writer = protobuf.Writer
function message(writer: Writer, field: number, write: (writer: Writer) => void): void {
  writer.uint32(bytes(field)).fork()
  write(writer)
  writer.ldelim()
}
const text = (writer: Writer, field: number, value: string): Writer => writer.uint32(bytes(field)).string(value)
const integer = (writer: Writer, field: number, value: number): Writer => writer.uint32(varint(field)).int64(value)

/** A constant that stands beside the model: the session is given it under this path. */
export interface ExternalData {
  readonly path: string
  readonly data: Uint8Array
}

export interface OnnxModel {
  readonly bytes: Uint8Array
  readonly externalData: readonly ExternalData[]
}

/** Constants above this size are not copied into the model, whose bytes protobuf limits to 2 GiB. */
const EXTERNAL_BYTES = 65536

/** An ONNX model that does what the program does, under the names of its inputs and outputs. */
export function encodeOnnxModel(program: Program): OnnxModel {
  const externalData: ExternalData[] = []
  const names = nameValues(program)
  const name = (v: Value): string => names.get(v.id) ?? `v${v.id}`
  const writer = protobuf.Writer.create()
  integer(writer, 1, IR_VERSION)
  text(writer, 2, 'hone')
  message(writer, 7, graph => {
    program.operations.forEach((operation, i) => message(graph, 1, node => {
      for (const v of operation.inputs) text(node, 1, name(v))
      for (const v of operation.outputs) text(node, 2, name(v))
      text(node, 3, `${operation.op}_${i}`)
      text(node, 4, operation.op)
      for (const [key, value] of Object.entries(operation.attributes)) message(node, 5, attribute => writeAttribute(attribute, key, value))
      if (operation.domain) text(node, 7, operation.domain)
    }))
    // What is given out under another name than its own: inputs, constants, and values that go out twice.
    for (const output of program.outputValues) {
      if (name(output.value) === output.name) continue
      message(graph, 1, node => {
        text(node, 1, name(output.value))
        text(node, 2, output.name)
        text(node, 4, 'Identity')
      })
    }
    text(graph, 2, 'program')
    for (const constant of program.constants) {
      const external = constant.data.byteLength > EXTERNAL_BYTES
      if (external) externalData.push({ path: name(constant.value), data: bytesOf(constant.data) })
      message(graph, 5, tensor => writeConstant(tensor, name(constant.value), constant, external))
    }
    for (const input of program.inputValues) message(graph, 11, info => writeValueInfo(info, input.name, input.value))
    for (const output of program.outputValues) message(graph, 12, info => writeValueInfo(info, output.name, output.value))
  })
  for (const [domain, version] of Object.entries(OPSETS)) {
    message(writer, 8, opset => {
      text(opset, 1, domain)
      integer(opset, 2, version)
    })
  }
  return { bytes: writer.finish(), externalData }
}

function nameValues(program: Program): Map<number, string> {
  const names = new Map<number, string>()
  for (const { name, value } of program.inputValues) names.set(value.id, name)
  for (const { name, value } of program.constants) if (name !== undefined) names.set(value.id, name)
  const computed = new Set(program.operations.flatMap(o => o.outputs.map(v => v.id)))
  for (const { name, value } of program.outputValues) if (computed.has(value.id) && !names.has(value.id)) names.set(value.id, name)
  return names
}

function writeAttribute(writer: Writer, name: string, value: Attribute): void {
  const FLOAT = 1, INT = 2, STRING = 3, INTS = 7
  text(writer, 1, name)
  if (typeof value === 'number') integer(integer(writer, 3, value), 20, INT)
  else if (typeof value === 'string') integer(text(writer, 4, value), 20, STRING)
  else if ('float' in value) integer(writer.uint32(fixed32(2)).float(value.float), 20, FLOAT)
  else {
    for (const i of value) integer(writer, 8, i)
    integer(writer, 20, INTS)
  }
}

function writeConstant(writer: Writer, name: string, { value, data }: ConstantValue, external: boolean): void {
  const EXTERNAL = 1
  for (const d of value.shape) integer(writer, 1, d)
  integer(writer, 2, elementType[value.dtype])
  text(writer, 8, name)
  if (!external) {
    writer.uint32(bytes(9)).bytes(bytesOf(data))
    return
  }
  for (const [key, entry] of [['location', name], ['offset', '0'], ['length', String(data.byteLength)]] as const) {
    message(writer, 13, pair => text(text(pair, 1, key), 2, entry))
  }
  integer(writer, 14, EXTERNAL)
}

// A Buffer: onnxruntime-node takes no other array.
const bytesOf = (data: ConstantData): Uint8Array => Buffer.from(data.buffer, data.byteOffset, data.byteLength)

function writeValueInfo(writer: Writer, name: string, value: Value): void {
  text(writer, 1, name)
  message(writer, 2, type => message(type, 1, tensor => {
    integer(tensor, 1, elementType[value.dtype])
    message(tensor, 2, shape => {
      for (const d of value.shape) message(shape, 1, dimension => integer(dimension, 1, d))
    })
  }))
}
