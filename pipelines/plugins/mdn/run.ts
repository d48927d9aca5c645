import type { ArtifactHandle, StageContext } from 'hone-engine'
import { nearGroups, nearIndex, rowIds, rowId } from 'hone-plugins'
import type { MdnParams } from '../mdn.js'
import { choices } from '../npm-text/choice.js'
import { readEntries } from './entries.js'
import { kindOf, kindQuestion, kinds, mask, nameQuestion, shorten, type Kind } from './questions.js'

type Split = 'train' | 'validation' | 'test'

/** One of a group of entries whose descriptions are near one another; it stands for all of them. */
interface Item {
  readonly kind: Kind
  readonly name: string
  readonly masked: string
  readonly description: string
  readonly group: string
}
interface Row {
  readonly task: 'kind' | 'name'
  readonly split: Split
  readonly question: string
  readonly answer: string
  readonly kind: Kind
  readonly name: string
  readonly group: string
  readonly choices: readonly string[]
  readonly gold: number
  readonly source: string
}

const alike = 0.8

export default async function run({ params, inputs, outputs, metric, log, fail }: StageContext<MdnParams>): Promise<void> {
  const items = await readItems((inputs.data as ArtifactHandle[]).map(f => f.path), params)
  const parts = divide(items, params, fail)
  refuseLeaks(parts, fail)
  const names = new Map(kinds.map(kind => [kind, [...new Set(items.filter(i => i.kind === kind).map(i => i.name))]]))
  let rows = (Object.entries(parts) as [Split, Item[]][]).flatMap(([split, list]) => list.flatMap(item => questions(item, split, names.get(item.kind)!).filter(q => params.tasks.includes(q.task))))
  if (params.shuffle_answers !== undefined) rows = shuffleAnswers(rows, params.shuffle_answers)

  const held = rows.filter(r => r.split === 'test' && r.task === params.tasks[0])
  const smallest = Math.min(...kinds.map(k => held.filter(r => r.kind === k).length))
  if (held.length !== smallest * kinds.length) fail(`the kinds are not balanced in the test rows: the rarest has ${smallest} of ${held.length}`, 'test')
  const idOf = rowIds()
  for (const row of rows) await outputs.rows!.write({ id: idOf({ ...row }), ...row })
  metric('rows', rows.length)
  for (const [split, list] of Object.entries(parts)) log(`${split}: ${list.length} entries, ${kinds.map(k => `${list.filter(i => i.kind === k).length} ${k}`).join(', ')}`)
}

/** The first entry of each group, in an order that its own content decides. Groups whose members differ in kind are left out. */
async function readItems(paths: readonly string[], { characters }: MdnParams): Promise<Item[]> {
  const entries = await readEntries(paths)
  const masked = entries.map(mask)
  const shortened = masked.map(text => shorten(text, characters))
  const groups = nearGroups(entries.map((e, i) => [e.description, masked[i]!, shortened[i]!]), { threshold: alike })
  const members = new Map<number, number[]>()
  for (const [i, group] of groups.entries()) members.set(group, [...(members.get(group) ?? []), i])
  const items: Item[] = []
  for (const indices of members.values()) {
    const found = new Set(indices.map(i => kindOf[entries[i]!.kind]))
    const [first] = indices
    const kind = kindOf[entries[first!]!.kind]
    if (kind === undefined || found.size !== 1) continue
    const { name, description } = entries[first!]!
    items.push({ kind, name, description, masked: shortened[first!]!, group: rowId({ kind, name, description }) })
  }
  return items.sort((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : 0))
}

/** Takes the test, then the validation, then what to train on from the items of each kind. */
function divide(items: readonly Item[], params: MdnParams, fail: StageContext['fail']): Record<Split, Item[]> {
  const parts: Record<Split, Item[]> = { train: [], validation: [], test: [] }
  for (const kind of kinds) {
    const rest = items.filter(i => i.kind === kind)
    for (const split of ['test', 'validation', 'train'] as const) {
      const wanted = Math.ceil(params[split] / kinds.length)
      const taken = rest.splice(0, wanted)
      if (split !== 'train' && taken.length < wanted) fail(`there are too few entries of the kind ${kind} to hold out ${wanted}`, split)
      parts[split].push(...taken)
    }
  }
  if (parts.train.length === 0) fail('nothing is left to train on', 'test')
  // Kinds mixed, so that the first rows are not all of one.
  for (const list of Object.values(parts)) list.sort((a, b) => (a.group < b.group ? -1 : 1))
  return parts
}

/** Groups are divided whole, so this finds nothing; what is held out must not depend on that. */
export function refuseLeaks({ train, validation, test }: Record<Split, readonly Pick<Item, 'name' | 'description' | 'masked'>[]>, fail: StageContext['fail']): void {
  const learned = [...train, ...validation]
  for (const text of ['description', 'masked'] as const) {
    const index = nearIndex(learned.map(i => i[text]), { threshold: alike })
    for (const item of test) {
      const near = index.find(item[text])[0]
      if (near) fail(`the test description of ${item.name} stands in train: ${JSON.stringify(item[text])} is near ${JSON.stringify(learned[near.index]![text])} (Jaccard ${near.similarity.toFixed(2)})`, 'test')
    }
  }
}

function questions(item: Item, split: Split, names: readonly string[]): Row[] {
  const { kind, name, group, masked } = item
  const choose = choices(group)
  const wrong = choose.shuffled(names.filter(n => n !== name)).slice(0, 3)
  const four = choose.shuffled([name, ...wrong])
  const shared = { split, kind, name, group, source: `MDN: ${kind} ${name}` }
  return [
    { task: 'kind', ...shared, question: kindQuestion(masked), answer: kind, choices: kinds, gold: kinds.indexOf(kind) },
    { task: 'name', ...shared, question: nameQuestion(kind, masked), answer: name, choices: four, gold: four.indexOf(name) },
  ]
}

/** Gives the rows of a task and split one another's answers, so that how often each stands there stays the same. */
function shuffleAnswers(rows: readonly Row[], seed: number): Row[] {
  const shuffled = new Map<string, string[]>()
  for (const task of ['kind', 'name']) {
    for (const split of ['train', 'validation']) {
      shuffled.set(`${task} ${split}`, choices(`${seed} ${task} ${split}`).shuffled(rows.filter(r => r.task === task && r.split === split).map(r => r.answer)))
    }
  }
  return rows.map(row => {
    const answer = shuffled.get(`${row.task} ${row.split}`)?.shift()
    return answer === undefined ? row : { ...row, answer }
  })
}
