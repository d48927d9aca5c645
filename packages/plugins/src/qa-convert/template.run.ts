import type { ArtifactHandle, StageContext } from 'hone-engine'
import { rowIds } from '../kinds/ids.js'
import type { Example, Message, Row } from '../kinds/kinds.js'
import { nearIndex } from './near.js'
import { judge, lacking, presets, type Converted } from './presets.js'
import { columnsOf, render, textOf, valueOf } from './render.js'
import { splitOf, type Split } from './split.js'
import type { TemplateParams } from './template.js'

interface Made {
  readonly example: Example
  readonly row: Row
}

export default async function run(context: StageContext<TemplateParams>): Promise<void> {
  const { params, inputs, outputs, signal, progress, metric, log, fail } = context
  if (inputs.rows && inputs.documents) fail('takes rows or documents, not both')
  const rows = await readAll(inputs.rows ?? inputs.documents)
  if (rows.length === 0) fail('got no row')
  const convert = converter(rows, params, fail)
  const patches = await readPatches(inputs.patches, fail)

  const rejected: Row[] = []
  let made: Made[] = []
  const idOf = rowIds()
  const taken = new Map<string, number>()
  for (const [i, row] of rows.entries()) {
    if (i % 1000 === 0) {
      signal.throwIfAborted()
      progress(i, rows.length, 'rows')
    }
    const given = typeof row.id === 'string' && row.id !== '' ? row.id : undefined
    const times = given === undefined ? 1 : (taken.get(given) ?? 0) + 1
    if (given !== undefined) taken.set(given, times)
    const id = given === undefined ? idOf(row) : times === 1 ? given : `${given}#${times}`
    const patch = patches.get(id)
    const converted = patch?.action === 'drop' ? ({ ok: false, reason: 'dropped by a patch' } as const) : judge(patched(convert(row), patch))
    if (!converted.ok) rejected.push({ ...row, id, reason: converted.reason })
    else {
      const task = params.task === undefined ? row.task : render(params.task, row)
      const kept = (params.keep ?? []).map(column => [column, valueOf(row, column)] as const).filter(([, v]) => v !== undefined)
      const example = {
        id,
        messages: converted.messages,
        ...(task === undefined || task === null || task === '' ? {} : { task: textOf(task) }),
        source: typeof row.source === 'string' ? row.source : id,
        ...(converted.tools === undefined ? {} : { tools: converted.tools }),
        ...Object.fromEntries(kept.filter(([column]) => !['id', 'messages', 'task', 'source', 'tools'].includes(column))),
      }
      made.push({ example, row })
    }
  }
  const ids = new Set([...rejected.map(r => r.id), ...made.map(m => m.example.id)])
  const unknown = [...patches.keys()].filter(id => !ids.has(id))
  if (unknown.length > 0) context.warn(`${unknown.length} patches name a row that is not there, for example ${unknown[0]}`)
  if (made.length > 0 && params.deduplicate !== 'none') made = withoutDuplicates(made, params, rejected)
  for (const row of rejected) await outputs.rejected!.write(row)
  if (made.length === 0) fail(`none of the ${rows.length} rows gave an example: ${String(rejected[0]?.reason)}`, params.user === undefined ? 'preset' : 'user')

  const parts: Record<Split, Example[]> = { train: [], validation: [], test: [] }
  for (const { example, row } of made) {
    await outputs.examples!.write(example)
    if (params.split) parts[place(example, row, params, fail)].push(example)
  }
  metric('examples', made.length)
  metric('rejected', rejected.length)
  if (rejected.length > 0) log(`${rejected.length} of ${rows.length} rows gave no example: ${reasons(rejected)}`)
  if (!params.split) return

  if (parts.train.length === 0) fail(`the split leaves none of the ${made.length} examples to train on`, 'split')
  refuseLeaks(parts, params, fail)
  for (const [name, list] of Object.entries(parts)) {
    for (const example of list) await outputs[name]!.write(example)
    metric(`${name}_examples`, list.length)
  }
  log(`${parts.train.length} to train on, ${parts.validation.length} to validate, ${parts.test.length} to test`)
}

type Fail = StageContext['fail']

async function readAll(handle: ArtifactHandle<Row> | undefined): Promise<Row[]> {
  const rows: Row[] = []
  if (handle) for await (const row of handle) rows.push(row)
  return rows
}

interface Patch {
  readonly action: 'keep' | 'drop' | 'replace'
  readonly user?: string
  readonly assistant?: string
}

async function readPatches(handle: ArtifactHandle<Row> | undefined, fail: Fail): Promise<Map<string, Patch>> {
  const patches = new Map<string, Patch>()
  for (const row of await readAll(handle)) {
    const action = row.action ?? 'keep'
    if (typeof row.id !== 'string') fail(`a patch has no id: ${JSON.stringify(row)}`)
    if (action !== 'keep' && action !== 'drop' && action !== 'replace') fail(`the patch of ${row.id} has the action ${JSON.stringify(action)}; it may be keep, drop or replace`)
    patches.set(row.id as string, row as unknown as Patch & { action: Patch['action'] })
  }
  return patches
}

/** A patch replaces the text of the last message of a role. */
function patched(converted: Converted, patch: Patch | undefined): Converted {
  if (!converted.ok || patch?.action !== 'replace') return converted
  const messages = converted.messages.map(m => ({ ...m }))
  for (const role of ['user', 'assistant'] as const) {
    const last = messages.findLast(m => m.role === role)
    if (last && typeof patch[role] === 'string') last.content = patch[role]
  }
  return { ...converted, messages }
}

/** What turns a row into messages; fails where a column stands in no row at all. */
function converter(rows: readonly Row[], params: TemplateParams, fail: Fail): (row: Row) => Converted {
  const columns = new Set(rows.flatMap(Object.keys))
  const known = () => `The columns are ${[...columns].join(', ')}.`
  for (const param of ['user', 'assistant', 'system', 'task'] as const) {
    for (const column of columnsOf(params[param] ?? '')) {
      if (!columns.has(column) && !rows.some(row => valueOf(row, column) !== undefined)) fail(`no row has the column "${column}"`, param, known())
    }
  }
  for (const [i, column] of (params.keep ?? []).entries()) if (!columns.has(column)) fail(`no row has the column "${column}"`, `keep/${i}`, known())
  const { system } = params
  const withSystem = (messages: Message[], row: Row): Message[] => (system === undefined ? messages : [{ role: 'system', content: render(system, row) }, ...messages.filter(m => m.role !== 'system')])

  if (params.user !== undefined && params.assistant !== undefined) {
    const { user, assistant } = params
    const needed = [...new Set([user, assistant].flatMap(columnsOf))]
    return row => {
      const missing = needed.find(column => valueOf(row, column) === undefined || valueOf(row, column) === null)
      if (missing !== undefined) return { ok: false, reason: `the column "${missing}" is missing` }
      return { ok: true, messages: withSystem([{ role: 'user', content: render(user, row) }, { role: 'assistant', content: render(assistant, row) }], row) }
    }
  }
  const name = params.preset ?? 'auto'
  const preset = name === 'auto' ? presets.find(p => lacking(p, rows[0]!).length === 0) : presets.find(p => p.name === name)
  if (!preset) return fail('no preset fits the columns', 'preset', `${known()} Say what becomes of them with "user" and "assistant".`)
  const absent = preset.needs.find(names => !names.some(n => columns.has(n)))
  if (absent) fail(`the preset "${preset.name}" needs a column ${absent.map(n => `"${n}"`).join(' or ')}`, 'preset', known())
  return row => {
    const missing = lacking(preset, row)
    if (missing.length > 0) return { ok: false, reason: `the column "${missing[0]}" is missing` }
    const converted = preset.convert(row)
    return converted.ok ? { ...converted, messages: withSystem(converted.messages, row) } : converted
  }
}

const wholeText = ({ messages }: Example): string => messages.map(m => `${m.role}\n${m.content.trim()}`).join('\n')

/** The first of those that say the same stays. */
function withoutDuplicates(made: readonly Made[], { deduplicate, near }: TemplateParams, rejected: Row[]): Made[] {
  const texts = made.map(m => wholeText(m.example))
  const kept = new Set<number>()
  const firstOf = new Map<string, number>()
  const index = deduplicate === 'near' ? nearIndex(texts, { threshold: near, size: 3 }) : undefined
  for (const [i, text] of texts.entries()) {
    const same = firstOf.get(text) ?? index?.find(text).find(found => found.index < i && kept.has(found.index))?.index
    if (same === undefined) {
      firstOf.set(text, i)
      kept.add(i)
    } else rejected.push({ ...made[i]!.row, id: made[i]!.example.id, reason: `duplicate of ${made[same]!.example.id}` })
  }
  return made.filter((_, i) => kept.has(i))
}

function place(example: Example, row: Row, { split, group_by }: TemplateParams, fail: Fail): Split {
  if (split && 'column' in split) {
    const value = valueOf(row, split.column)
    if (value === 'train' || value === 'validation' || value === 'test') return value
    return fail(`row ${example.id} has ${JSON.stringify(value) ?? 'nothing'} in "${split.column}"; it must be train, validation or test`, 'split/column')
  }
  if (group_by === undefined) return splitOf(example.id.replace(/#\d+$/, ''), split ?? {})
  const group = valueOf(row, group_by)
  if (group === undefined || group === null) fail(`row ${example.id} has no "${group_by}"`, 'group_by')
  return splitOf(textOf(group), split ?? {})
}

/** What the model sees before it answers: everything before the last answer, or the whole text where nothing asks. */
function questionOf({ messages }: Example): string {
  const last = messages.findLastIndex(m => m.role === 'assistant')
  const before = messages.slice(0, last).filter(m => m.role !== 'system')
  return JSON.stringify((before.length === 0 ? messages : before).map(m => [m.role, m.content.trim()]))
}

function refuseLeaks(parts: Readonly<Record<Split, readonly Example[]>>, { split, group_by }: TemplateParams, fail: Fail): void {
  const train = new Map(parts.train.map(e => [questionOf(e), e.id]))
  const leaks = parts.test.filter(e => train.has(questionOf(e)))
  if (leaks.length === 0) return
  const [one] = leaks
  const byColumn = split && 'column' in split
  fail(
    `${leaks.length} of ${parts.test.length} test questions stand in train word for word, for example ${one!.id} and ${train.get(questionOf(one!))}`,
    'split',
    byColumn ? `Correct the column "${split.column}".` : group_by === undefined ? 'Keep rows of one question together with "group_by", or leave repetitions out with "deduplicate".' : `Rows of one question differ in "${group_by}": choose another column for "group_by", or "deduplicate".`,
  )
}

function reasons(rejected: readonly Row[]): string {
  const counts = new Map<string, number>()
  for (const { reason } of rejected) {
    const short = String(reason).replace(/^duplicate of .*/, 'duplicate of an earlier one')
    counts.set(short, (counts.get(short) ?? 0) + 1)
  }
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, 5).map(([reason, n]) => `${n} ${reason}`).join(', ')
}
