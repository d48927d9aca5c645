import type { Node, Program } from 'acorn'
import { dirname, extname, resolve, sep } from 'node:path'
import { readdirSync } from 'node:fs'

/** What a module reaches besides what it imports and requires by name, as esbuild sees it. */
export interface Unfollowed {
  /** As written: what `new URL('…', import.meta.url)` and the like name. */
  readonly assets: readonly string[]
  /** As written: folders of which an import takes all that fit, `./langs` of ``import(`./langs/${name}.js`)``. */
  readonly folders: readonly string[]
  /** Texts to put in other places, so that what a function of `createRequire` requires is followed too. */
  readonly edits: readonly { readonly start: number; readonly end: number; readonly text: string }[]
  /** Why what it does can only be known when it runs. */
  readonly unknown: string | undefined
}

const nothing: Unfollowed = { assets: [], folders: [], edits: [], unknown: undefined }

const ownPath = 'uses its own path'
const computed = (what: 'imports' | 'requires') => `${what} what only the run knows`

/** Whether a look at a module can find anything: most have none of these words. */
const isPlain = (code: string): boolean => !/\bimport\s*\(|\bimport\s*\.|\b_*require\b|\bcreateRequire\b|\b__(?:dir|file)name\b/.test(code)

/** Looks through a module. One with mistakes is left to esbuild, which says where. */
export async function unfollowedBy(path: string, text: string): Promise<Unfollowed & { readonly code: string }> {
  if (isPlain(text)) return { ...nothing, code: text }
  const code = /^\.[cm]?js$/.test(extname(path)) ? text : await transpiled(path, text)
  return { ...(await unfollowedIn(code)), code }
}

async function transpiled(path: string, text: string): Promise<string> {
  const { transform } = await import('esbuild')
  return transform(text, { loader: loaderOf(path), logLevel: 'silent' }).then(({ code }) => code, () => '')
}

export const loaderOf = (path: string): 'js' | 'jsx' | 'ts' | 'tsx' => extname(path).replace(/^\.[cm]?/, '') as 'js' | 'jsx' | 'ts' | 'tsx'

/** Looks through JavaScript. */
export async function unfollowedIn(code: string): Promise<Unfollowed> {
  if (isPlain(code)) return nothing
  const { parse } = await import('acorn')
  const { fullAncestor } = await import('acorn-walk')
  const program = parsed(code, parse)
  if (!program) return nothing
  const found = new Findings()
  const visit = (look: (node: any, parent: any, above: any) => void) => fullAncestor(program, (node, _, ancestors) => look(node, ancestors.at(-2), ancestors.at(-3)))
  // First, as a node is looked at after those that are in it.
  visit((node, parent) => found.requirer(node, parent))
  visit((node, parent, above) => found.use(node, parent, above))
  return { assets: found.assets, folders: found.folders, edits: found.edits, unknown: found.unknown }
}

function parsed(code: string, parse: typeof import('acorn').parse): Program | undefined {
  for (const sourceType of ['module', 'script'] as const) {
    try {
      return parse(code, { ecmaVersion: 'latest', sourceType, allowReturnOutsideFunction: true, allowHashBang: true })
    } catch {
      // The other one, then.
    }
  }
  return undefined
}

/** The nodes are ESTree's; a name counts wherever it stands, whatever scope it is of. */
class Findings {
  readonly assets: string[] = []
  readonly folders: string[] = []
  readonly edits: { start: number; end: number; text: string }[] = []
  unknown: string | undefined
  /** Names of what `createRequire(import.meta.url)` made. */
  readonly #requirers = new Set<string>()
  readonly #settled = new Set<Node>()

  requirer(node: any, parent: any): void {
    const name = parent?.type === 'VariableDeclarator' ? parent.id : parent?.type === 'AssignmentExpression' ? parent.left : undefined
    if (isRequirer(node) && name?.type === 'Identifier') {
      this.#requirers.add(name.name)
      this.#settled.add(ownUrlIn(node))
    } else if (node.type === 'CallExpression' && isRequirer(node.callee)) {
      this.#put(node.callee, 'require')
      this.#settled.add(ownUrlIn(node.callee))
      this.#specifier(node.arguments[0], 'requires')
    } else if (node.type === 'CallExpression' && isResolve(node.callee, isRequirer)) {
      this.#put(node.callee.object, 'require')
      this.#settled.add(ownUrlIn(node.callee.object))
      this.#resolved(node)
    }
  }

  use(node: any, parent: any, above: any): void {
    if (this.#settled.has(node)) return
    if (node.type === 'ImportExpression') this.#specifier(node.source, 'imports')
    else if (node.type === 'MetaProperty') this.#ownPath(node, parent, above)
    else if (node.type === 'Identifier') this.#name(node, parent, above)
  }

  #name(node: any, parent: any, above: any): void {
    if (isKey(node, parent)) return
    if (node.name === '__dirname' || node.name === '__filename') this.unknown ??= ownPath
    const isOwn = this.#requirers.has(node.name)
    if (!isOwn && node.name !== 'require' && node.name !== '__require') return
    // The helper of a bundle, which asks whether Node has one.
    if (node.name === '__require' && isGiven(node, parent)) return
    if (node.name === 'require' && !isOwn && isHelper(parent, above)) return
    // So that what is required by that name is asked of the bundle.
    if (isOwn && isGiven(node, parent)) return this.#put(node, `$${node.name}`)
    if (isOwn) this.#put(node, 'require')
    if (parent.type === 'CallExpression' && parent.callee === node) this.#specifier(parent.arguments[0], 'requires')
    else if (isResolve(parent, (object: any) => object === node) && above?.type === 'CallExpression' && above.callee === parent) this.#resolved(above)
    else if (!(parent.type === 'UnaryExpression' && parent.operator === 'typeof') && !(parent.type === 'MemberExpression' && parent.property.name === 'main')) this.unknown ??= computed('requires')
  }

  #resolved({ arguments: [specifier] }: any): void {
    const text = literal(specifier)
    if (text === undefined || !isRelative(text)) this.unknown ??= computed('requires')
    else this.assets.push(text)
  }

  #specifier(source: any, how: 'imports' | 'requires'): void {
    if (source === undefined || literal(source) !== undefined) return
    const start = beginning(source)
    // esbuild takes all that fit into the bundle.
    if (start !== undefined && isRelative(start)) this.folders.push(start.slice(0, start.lastIndexOf('/')))
    else this.unknown ??= computed(how)
  }

  #ownPath(node: any, parent: any, above: any): void {
    const isUrl = parent?.type === 'MemberExpression' && parent.object === node && !parent.computed && parent.property.name === 'url'
    const asset = isUrl && above?.type === 'NewExpression' && above.callee.name === 'URL' && above.arguments[1] === parent ? literal(above.arguments[0]) : undefined
    if (asset === undefined) this.unknown ??= ownPath
    else if (!/^[a-z][a-z\d+.-]*:/i.test(asset)) this.assets.push(asset)
  }

  #put({ start, end }: Node, text: string): void {
    this.edits.push({ start, end, text })
  }
}

/** Whether a name is one that is declared or given a value. */
const isGiven = (node: any, parent: any): boolean => (parent.type === 'VariableDeclarator' && parent.id === node) || (parent.type === 'AssignmentExpression' && parent.left === node)
const ownUrlIn = (requirer: any): Node => requirer.arguments[0].object
const isOwnUrl = (node: any): boolean => node?.type === 'MemberExpression' && node.object.type === 'MetaProperty' && !node.computed && node.property.name === 'url'
/** `createRequire(import.meta.url)`. */
const isRequirer = (node: any): boolean =>
  node?.type === 'CallExpression' && (node.callee.name === 'createRequire' || node.callee.property?.name === 'createRequire') && isOwnUrl(node.arguments[0])
const isResolve = (node: any, isOf: (object: any) => boolean): boolean => node?.type === 'MemberExpression' && !node.computed && node.property.name === 'resolve' && isOf(node.object)
const isKey = (node: any, parent: any): boolean =>
  (parent?.type === 'MemberExpression' && parent.property === node && !parent.computed) || (['Property', 'PropertyDefinition', 'MethodDefinition'].includes(parent?.type) && parent.key === node && !parent.computed && parent.value !== node)
/** `typeof require !== 'undefined' ? require : …` and `require.apply(this, arguments)` of esbuild's `__require`. */
const isHelper = (parent: any, above: any): boolean =>
  (parent.type === 'ConditionalExpression' && parent.test.left?.operator === 'typeof') || (parent.type === 'MemberExpression' && parent.property.name === 'apply' && above.type === 'CallExpression')

function literal(node: any): string | undefined {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value
  return node?.type === 'TemplateLiteral' && node.expressions.length === 0 ? (node.quasis[0].value.cooked as string) : undefined
}

/** The text that an expression begins with, where it begins with one. */
function beginning(node: any): string | undefined {
  if (node?.type === 'TemplateLiteral') return node.quasis[0].value.cooked as string
  return node?.type === 'BinaryExpression' && node.operator === '+' ? (literal(node.left) ?? beginning(node.left)) : undefined
}

const isRelative = (specifier: string): boolean => /^\.{1,2}\//.test(specifier)

/** A module with the edits made. */
export function edited(code: string, edits: Unfollowed['edits']): string {
  let text = code
  for (const { start, end, text: put } of [...edits].sort((a, b) => b.start - a.start)) text = text.slice(0, start) + put + text.slice(end)
  return text
}

/** A folder of a module and all below, whose times change when a file comes or goes. */
export function foldersAt(module: string, folder: string): string[] {
  const top = resolve(dirname(module), folder)
  try {
    return [top, ...readdirSync(top, { recursive: true, withFileTypes: true }).filter(entry => entry.isDirectory() && !entry.parentPath.includes(`${sep}node_modules`)).map(entry => resolve(entry.parentPath, entry.name))]
  } catch {
    return [top]
  }
}

/** Names of files that hold code. */
export const scripts = /\.(?:[cm]?[jt]s|[jt]sx)$/
