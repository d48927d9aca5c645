import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRequire } from 'node:module'
import { builtInPlugin } from 'hone-plugins'
import { ParameterSchema } from '../packages/engine/src/graph/parameters.js'

const require = createRequire(new URL('../packages/engine/package.json', import.meta.url))
const standalone = (require('ajv/dist/standalone/index.js') as { default: (ajv: never, validate: never) => string }).default
type Check = ((value: unknown) => boolean) & { errors?: { instancePath: string; keyword: string; message?: string; schema?: unknown; data?: unknown }[] }
const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown

test('what the build makes of a schema finds the same mistakes as ajv, and sets the same defaults', () => {
  let mistakes = 0
  for (const stage of builtInPlugin.stages ?? []) {
    const schema = ParameterSchema.of(stage)
    const module = { exports: {} as { validate: Check; digest: string } }
    new Function('module', 'exports', 'require', schema.compiled(standalone as never))(module, module.exports, require)
    const { validate, digest } = module.exports
    assert.match(digest, /^[0-9a-f]{64}$/)
    const values: Record<string, unknown>[] = [{}, { no_such_parameter: 1 }]
    for (const name of schema.properties.keys()) for (const value of [null, 1.5, -1, '', 'text', [], ['a', 'a'], {}, { nested: [1] }, true]) values.push({ [name]: value })
    for (const value of values) {
      const [theirs, ours] = [structuredClone(value), structuredClone(value)]
      const expected = schema.errors(theirs as never)
      const found = validate(ours) ? [] : (validate.errors ?? [])
      assert.equal(plain(found), plain(expected), `${stage.id} ${JSON.stringify(value)}`)
      assert.equal(ours, theirs, `${stage.id} ${JSON.stringify(value)}: defaults`)
      mistakes += found.length
    }
  }
  assert.ok(mistakes > 500, `${mistakes}`)
})

test.run()
