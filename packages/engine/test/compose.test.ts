import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compose } from '../src/compose.js'
import { defineCollection, defineService, defineStage, params, provide } from '../src/plugin/define.js'
import { services } from '../src/execute/services.js'

const greeting = defineService<string>('greeting')
const greeter = defineService<{ greet(): string }>('greeter')

test('a service is made once, from the services that it asks for', async () => {
  let made = 0
  const { get } = await compose({
    providers: [
      { plugin: 'a', provider: { token: greeter, create: resolve => (made++, { greet: () => `${resolve(greeting)}!` }) } },
      { plugin: 'b', provider: { token: greeting, create: () => 'hello' } },
    ],
  })
  assert.is(get(greeter).greet(), 'hello!')
  assert.is(get(greeter), get(greeter))
  assert.is(made, 1)
})

test('a plugin replaces a built-in service, and the list says so', async () => {
  const clock = { nowMs: () => 7, random: () => 0 }
  const { get, bindings } = await compose({ providers: [{ plugin: 'fixed-clock', provider: { token: services.clock, create: () => clock } }] })
  assert.is(get(services.clock).nowMs(), 7)
  assert.equal(bindings, [{ name: 'executor', from: 'hone' }, { name: 'store', from: 'hone' }, { name: 'clock', from: 'fixed-clock', replaces: 'hone' }])
})

test('what plugins provide of a collection is listed with who provides it, and loaded when it is asked for', async () => {
  const shouts = defineCollection<string>('shout')
  let loaded = 0
  const provider = { token: shouts, name: 'loud', summary: 'Loud.', load: async () => (loaded++, { default: 'HEY' }) }
  const { member, bindings } = await compose({ providers: [{ plugin: 'noise', provider }] })
  assert.equal(bindings.at(-1), { name: 'shout loud', from: 'noise' })
  assert.is(loaded, 0)
  assert.equal(await member(shouts, 'loud').load(), { default: 'HEY' })
  assert.throws(() => member(shouts, 'quiet'), /no plugin provides the service "shout quiet"/)
})

test('`provide` and `extends` are held to their types', async () => {
  const shouts = defineCollection<string>('shout')
  const { get, member } = await compose({ providers: [{ plugin: 'a', provider: provide(greeting, () => 'hello') }, { plugin: 'a', provider: provide(shouts, { name: 'loud', summary: 'Loud.', load: async () => ({ default: 'HEY' }) }) }] })
  assert.is(get(greeting), 'hello')
  assert.equal(await member(shouts, 'loud').load(), { default: 'HEY' })
  // @ts-expect-error A number is no text.
  provide(greeting, () => 5)
  // @ts-expect-error Nor is it one of the collection.
  provide(shouts, { name: 'loud', summary: 'Loud.', load: async () => ({ default: 5 }) })
  // @ts-expect-error There is no such parameter.
  defineStage<{ rounds: number }>({ id: 'a/b', version: 1, summary: '', params: params({ type: 'object' }), inputs: {}, outputs: {}, determinism: 'bytes', extends: ['ruonds'], run: async () => ({ default: () => {} }) })
})

test('a service that nobody provides, and services that need one another, are errors by name', async () => {
  const loop = await compose({
    providers: [
      { plugin: 'a', provider: { token: greeter, create: resolve => ({ greet: () => '', other: resolve(greeting) }) } },
      { plugin: 'b', provider: { token: greeting, create: resolve => resolve(greeter).greet() } },
    ],
  })
  assert.throws(() => loop.get(greeter), /the services "greeter" → "greeting" → "greeter" need one another/)
  const ofEach = await compose({
    providers: [
      { plugin: 'a', provider: { token: defineService('a'), create: resolve => resolve(defineService('b')) } },
      { plugin: 'b', provider: { token: defineService('b'), create: resolve => resolve(defineService('a')) } },
    ],
  })
  assert.throws(() => ofEach.get(defineService('a')), /the services "a" → "b" → "a" need one another/, 'a token is known by its name')
  const empty = await compose({ providers: [] })
  assert.throws(() => empty.get(greeting), /no plugin provides the service "greeting"/)
})

test.run()
