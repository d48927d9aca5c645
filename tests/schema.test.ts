import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { builtInPlugin, loadRegistry, pipelineSchema } from 'hone-engine'
import { builtInPlugin as plugins } from 'hone-plugins'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('the schema for editors')
const root = fileURLToPath(new URL('..', import.meta.url))
const file = join(root, 'schema/pipeline.schema.json')

async function schema(): Promise<string> {
  const registry = await loadRegistry({ builtIn: [builtInPlugin(plugins, import.meta.resolve('hone-plugins'))], plugins: [], projectRoot: root, cacheDir: join(root, '.hone/plugins') })
  if (!registry.ok) throw new Error(registry.diagnostics.map(d => d.message).join('\n'))
  return `${JSON.stringify(pipelineSchema(registry.value), null, 2)}\n`
}

test('schema/pipeline.schema.json is what `hone schema` writes; UPDATE_EXPECTED=1 writes it anew', async () => {
  const expected = await schema()
  if (process.env.UPDATE_EXPECTED) writeFileSync(file, expected)
  assert.is(readFileSync(file, 'utf8') === expected, true, 'run: hone schema > schema/pipeline.schema.json')
})

test('every key, parameter and port of a built-in stage says what it is', async () => {
  const silent: string[] = []
  let told = 0
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return
    const { properties, ...rest } = value as Record<string, unknown>
    for (const [name, property] of Object.entries((properties ?? {}) as Record<string, { description?: string } | false>)) {
      // What one `uses` says of `with`, `inputs` and `publish` stands beside the sentence of the key itself.
      const isRefined = path.endsWith('/then')
      if (typeof property === 'object' && !isRefined && !/\/(if|dependentSchemas\/\w+)$/.test(path)) {
        if (property.description) told++
        else silent.push(`${path}/${name}`)
      }
      walk(property, `${path}/${name}`)
    }
    for (const [name, inner] of Object.entries(rest)) walk(inner, `${path}/${name}`)
  }
  walk(JSON.parse(await schema()), '')
  assert.equal(silent, [])
  assert.ok(told > 150, `${told}`)
})

test('every pipeline of the project names it', () => {
  const files = readdirSync(join(root, 'pipelines')).filter(name => name.endsWith('.yaml'))
  assert.ok(files.length > 0)
  for (const name of files) assert.match(readFileSync(join(root, 'pipelines', name), 'utf8'), '# yaml-language-server: $schema=../schema/pipeline.schema.json', name)
})

test.run()
