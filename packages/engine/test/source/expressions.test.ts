import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { deferred, evaluateTemplate, type Scope } from '../../src/source/expressions/evaluate.js'
import { parseCondition, parseTemplate } from '../../src/source/expressions/parse.js'
import { residue, residueOfCondition } from '../../src/source/expressions/residue.js'

const test = suite('expressions')

const scope: Scope = {
  params: { rank: 8, name: 'css', list: [1, 'two', null], nested: { 'a-b': { c: true } }, empty: '' },
  matrix: { lr: 0.1 },
  env: name => (name === 'HOME' ? '/home/x' : null),
  secret: () => deferred,
  digest: () => deferred,
  metric: (_, name) => (name === 'loss' ? 0.5 : null),
}
const value = (text: string) => evaluateTemplate(parseTemplate(text), scope)
const message = (text: string) => {
  try {
    return value(text)
  } catch (error) {
    return (error as Error).message
  }
}

test('an expression that is the whole value keeps its type, others become text', () => {
  assert.is(value('${{ params.rank }}'), 8)
  assert.is(value('${{params.rank}}'), 8)
  assert.equal(value('${{ params.list }}'), [1, 'two', null])
  assert.is(value('r${{ params.rank }}-${{ params.name }}'), 'r8-css')
  assert.is(value(' ${{ params.rank }}'), ' 8')
  assert.is(value('no expression, {{title}} $ { }'), 'no expression, {{title}} $ { }')
  assert.is(value("${{ '}} ${{' }}"), '}} ${{')
})

test('paths go through names, quoted names and numbers', () => {
  assert.is(value("${{ params.nested['a-b'].c }}"), true)
  assert.is(value('${{ params.nested.a-b.c }}'), true)
  assert.is(value('${{ params.list[1] }}'), 'two')
  assert.is(value('${{ matrix.lr }}'), 0.1)
  assert.is(value('${{ env.HOME }}'), '/home/x')
})

test('comparison is strict, and orders numbers with numbers and texts with texts', () => {
  assert.is(value("${{ params.rank == '8' }}"), false)
  assert.is(value('${{ params.rank == 8 }}'), true)
  assert.is(value('${{ params.rank != 8.0 }}'), false)
  assert.is(value("${{ 'a' < 'b' }}"), true)
  assert.is(value('${{ fromJSON(\'{"a":[1]}\') == fromJSON(\'{"a":[1]}\') }}'), true)
  assert.is(message("${{ 1 < 'b' }}"), '< compares two numbers or two texts, not a number with a text.')
})

test('and binds tighter than or, comparison tighter than both, and both give an operand', () => {
  assert.is(value('${{ true || false && false }}'), true)
  assert.is(value('${{ (true || false) && false }}'), false)
  assert.is(value("${{ params.empty || 'fallback' }}"), 'fallback')
  assert.is(value('${{ params.rank > 4 && params.name }}'), 'css')
  assert.is(value('${{ !params.empty == true }}'), true)
  assert.is(value("${{ env.NOT_SET || 'x' }}"), 'x')
})

test('the functions do what their names say', () => {
  assert.is(value("${{ contains('abc', 'b') }}"), true)
  assert.is(value("${{ contains(params.list, 'two') }}"), true)
  assert.is(value("${{ contains(params.list, '1') }}"), false)
  assert.is(value("${{ startsWith('abc', 'ab') && endsWith('abc', 'bc') }}"), true)
  assert.is(value("${{ format('{0}-{1} {{0}}', params.name, params.rank) }}"), 'css-8 {0}')
  assert.is(value("${{ join(params.list, '+') }}"), '1+two+')
  assert.is(value('${{ toJSON(params.list) }}'), '[1,"two",null]')
  assert.is(value("${{ fromJSON('[1]')[0] }}"), 1)
  assert.is(value('${{ length(params.list) }}'), 3)
  assert.is(value("${{ length('a😀') }}"), 2)
  assert.is(value("${{ 'it''s' }}"), "it's")
  assert.is(value('${{ -1.5e3 }}'), -1500)
})

test('a name is looked for in the object alone, not in what it inherits', () => {
  assert.is(message('${{ params.constructor }}'), 'The pipeline has no parameter "constructor".')
  assert.is(message('${{ params.nested.__proto__ }}'), 'There is no key "__proto__".')
})

test('an operand that is known decides a junction before the rest is', () => {
  assert.is(value('${{ false && secrets.X }}'), false)
  assert.is(value('${{ true || secrets.X }}'), true)
  assert.is(value('${{ secrets.X }}'), deferred)
})

test('what is left of a template has everything computed but what is deferred', () => {
  const left = (text: string) => residue(parseTemplate(text), scope)
  assert.equal(left('r${{ params.rank }}'), { value: 'r8', deferred: false })
  assert.equal(left('r${{ params.rank }} ${{ secrets.KEY }}'), { value: 'r8 ${{ secrets.KEY }}', deferred: true })
  assert.equal(left("${{ format('{0}{1}', params.name, secrets.KEY) }}"), { value: "${{ format('{0}{1}', 'css', secrets.KEY) }}", deferred: true })
  assert.equal(left("${{ params.rank > 4 && secrets.KEY || 'x' }}"), { value: "${{ (secrets.KEY || 'x') }}", deferred: true })
  assert.equal(left("${{ stages['tuned[rank=8]'].outputs.model.digest }}"), { value: "${{ stages['tuned[rank=8]'].outputs.model.digest }}", deferred: true })
})

test('a literal dollar and braces beside something deferred stay a literal', () => {
  const left = residue(parseTemplate("${{ '${{ 1 }}' }} ${{ secrets.KEY }}"), scope)
  const known: Scope = { ...scope, secret: () => 's' }
  assert.is(evaluateTemplate(parseTemplate(left.value as string), known), '${{ 1 }} s')
})

test('what is left of a template gives the same as the whole, once all is known', () => {
  const known: Scope = { ...scope, secret: name => `<${name}>`, digest: (stage, port) => `${stage}.${port}` }
  for (const text of [
    "a ${{ params.rank }} ${{ secrets.A }} ${{ params.list[1] }} ${{ '${{ 1 }}' }}",
    "${{ params.rank == 8 && secrets.A || 'no' }}",
    "${{ !contains(secrets.A, params.name) }}",
    "${{ toJSON(params.list) }}${{ stages.a.outputs.b-c.digest }}",
    "${{ format('{0} {1}', toJSON(params.nested), secrets['B C']) }}",
    "${{ length(secrets.A) > params.rank }}",
  ]) {
    const left = residue(parseTemplate(text), scope)
    const again = left.deferred ? evaluateTemplate(parseTemplate(left.value as string), { ...known, params: {}, matrix: {} }) : left.value
    assert.equal(again, evaluateTemplate(parseTemplate(text), known), text)
  }
})

test('a condition is an expression with or without its braces', () => {
  const condition = (text: string) => residueOfCondition(parseCondition(text), scope)
  assert.equal(condition('params.rank == 8'), { value: true })
  assert.equal(condition(' ${{ params.rank == 8 }} '), { value: true })
  assert.equal(condition('stages.a.metrics.loss < 1'), { value: true })
  assert.throws(() => condition('env.NOPE_X'), /The environment variable NOPE_X is not set/, 'read by itself')
  assert.equal([condition("env.NOPE_X == 'y'"), condition("env.NOPE_X || 'yes'"), condition('!env.NOPE_X')], [{ value: false }, { value: true }, { value: true }])
  assert.equal(condition("params.rank > 4 && stages.a.outputs.o.digest != 'x'"), { expression: "(stages.a.outputs.o.digest != 'x')" })
})

test('nesting and length of an expression end in a message, not in a full stack', () => {
  assert.is(message(`\${{ ${'('.repeat(100_000)} }}`), 'The expression nests more than 100 levels deep.')
  assert.is(message(`\${{ ${'!'.repeat(100_000)}true }}`), 'The expression nests more than 100 levels deep.')
  assert.is(value(`\${{ ${'1 == 1 && '.repeat(100)} true }}`), true)
})

test.run()
