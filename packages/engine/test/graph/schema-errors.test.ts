import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Json } from '../../src/artifacts/types.js'
import { ParameterSchema } from '../../src/graph/parameters.js'
import { schemaProblems } from '../../src/graph/schema-errors.js'
import { defineStage, params, type JsonSchema } from '../../src/plugin/define.js'

const test = suite('schema errors')

/** What is said of a value, with its place. */
function said(schema: JsonSchema, value: Json): string[] {
  const definition = defineStage({ id: 'a/b', version: 1, summary: '', params: params(schema), inputs: {}, outputs: {}, determinism: 'bytes', run: async () => ({ default: () => {} }) })
  return schemaProblems(ParameterSchema.of(definition).errors(value)).map(p => `${p.pointer} ${p.which}: ${p.message}${p.hint ? ` (${p.hint})` : ''}`)
}
const any = { type: 'object', properties: { a: {}, b: {}, c: {} } }

test('names that exclude each other are told as that, at the last of them', () => {
  assert.equal(said({ ...any, not: { required: ['a', 'b'] } }, { a: 1, b: 2 }), ['/b key: "a" and "b" exclude each other (Keep one of them.)'])
  assert.equal(said({ ...any, not: { required: ['a', 'b', 'c'] } }, { a: 1, b: 2, c: 3 }), ['/c key: "a", "b" and "c" exclude each other (Leave one of them out.)'])
  assert.equal(said({ ...any, not: { required: ['a'] } }, { a: 1 }), ['/a key: "a" may not be given'])
  assert.equal(said({ ...any, oneOf: [{ required: ['a'] }, { required: ['b'] }] }, { a: 1, b: 2 }), ['/b key: "a" and "b" exclude each other (Keep one of them.)'])
  assert.equal(said({ type: 'object', properties: { in: { ...any, not: { required: ['a', 'b'] } } } }, { in: { a: 1, b: 2 } }), ['/in/b key: "in.a" and "in.b" exclude each other (Keep one of them.)'])
})

test('one of several names that must be there is told as a choice', () => {
  for (const keyword of ['oneOf', 'anyOf']) assert.equal(said({ ...any, [keyword]: [{ required: ['a'] }, { required: ['b'] }] }, {}), [' value: "a" or "b" is required'])
})

test('another word than the one that may stand for a list is told with the list', () => {
  const schema = { type: 'object', properties: { a: { anyOf: [{ const: 'all' }, { type: 'array', items: { type: 'string' }, minItems: 1 }] } } }
  assert.equal(said(schema, { a: 'x' }), ['/a value: "a" must be "all" or a list; got "x" (Write ["x"].)'])
  assert.equal(said(schema, { a: [] }), ['/a value: "a" must not be empty'])
})

test('of forms that are maps the one that has the keys of the value is meant', () => {
  const share = { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }
  const split = { anyOf: [{ type: 'object', additionalProperties: false, properties: { test: share, validation: share } }, { type: 'object', additionalProperties: false, required: ['column'], properties: { column: { type: 'string' }, test: { type: 'array' } } }] }
  const of = (value: Json) => said({ type: 'object', properties: { split } }, { split: value })
  assert.equal(of({ test: 1.5 }), ['/split/test value: "split.test" must be < 1; got 1.5'])
  assert.equal(of({ column: 5 }), ['/split/column value: "split.column" must be a text; got 5 (Put it in quotes: "5".)'])
})

test('what a name forbids or needs beside it is told with both', () => {
  assert.equal(said({ ...any, dependentSchemas: { a: { properties: { b: false } } } }, { a: 1, b: 2 }), ['/b key: "b" may not be given beside "a" (Keep one of them.)'])
  assert.equal(said({ type: 'object', properties: { a: {}, b: false } }, { b: 2 }), ['/b key: "b" may not be given'])
  assert.equal(said({ ...any, dependentRequired: { a: ['b', 'c'] } }, { a: 1 }), ['/a key: "a" needs "b" beside it', '/a key: "a" needs "c" beside it'])
})

test('what may not be, must be held, or cannot be a name', () => {
  assert.equal(said({ type: 'object', properties: { a: { not: { const: 5 } } } }, { a: 5 }), ['/a value: "a" may not be 5'])
  assert.equal(said({ type: 'object', properties: { a: { type: 'array', contains: { const: 1 } } } }, { a: [2] }), ['/a value: "a" must hold at least 1 item of the form that is asked for; got [2]'])
  assert.equal(said({ type: 'object', properties: { a: { type: 'object', propertyNames: { pattern: '^[a-z]+$' } } } }, { a: { X: 1 } }), ['/a/X key: "X" cannot be a key of "a"'])
  assert.equal(said({ type: 'object', properties: { a: { type: 'object', propertyNames: { pattern: '^[a-z]+$', description: 'Keys are letters.' } } } }, { a: { X: 1 } }), ['/a/X key: "X" cannot be a key of "a" (Keys are letters.)'])
  assert.equal(said({ type: 'object', properties: { a: { oneOf: [{ type: 'number' }, { minimum: 3 }] } } }, { a: 5 }), ['/a value: "a" fits several of its forms at once; got 5'])
})

test.run()
