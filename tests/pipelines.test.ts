import { existsSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { builtInPlugin, validatePipeline } from 'hone-engine'
import { builtInPlugin as plugins } from 'hone-plugins'
import { join } from 'node:path'
import { filesBelow, root } from './sources.js'

const test = suite('pipelines and examples')
const files = [...filesBelow('pipelines').filter(f => /^pipelines\/[^/]+\.yaml$/.test(f)), ...filesBelow('examples').filter(f => f.endsWith('/pipeline.yaml'))]
const builtIn = [builtInPlugin(plugins, import.meta.resolve('hone-plugins'))]

/** What may be said of a file whose inputs were not fetched. */
const notFetched = ['missing-file']

test('there are some', () => {
  assert.ok(files.includes('pipelines/quickstart.yaml') && files.includes('examples/engine-tour/pipeline.yaml'))
})

for (const file of files) test(`${file} has no mistake; at most its inputs are not fetched`, async () => {
  const diagnostics = await validatePipeline({ file: join(root, file), builtIn, env: {} })
  assert.equal(diagnostics.filter(d => !notFetched.includes(d.code)).map(d => `${d.range?.line}: ${d.message} (${d.code})`), [])
  for (const { message } of diagnostics) {
    const named = /^There is no "([^"]+)"/.exec(message)?.[1]
    if (named !== undefined) assert.not.ok(existsSync(join(root, named)), message)
  }
})

test.run()
