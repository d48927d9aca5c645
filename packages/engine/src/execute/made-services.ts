import type { ArtifactStore } from '../artifacts/types.js'
import { DiagnosticError } from '../diagnostics/diagnostic-error.js'
import type { ServiceToken } from '../plugin/define.js'
import type { Executor } from './host.js'
import { services, type Clock, type MakeExecutor, type OpenStore } from './services.js'

type MethodsOf<T> = { [K in keyof T]: T[K] extends (...args: never) => unknown ? K : never }[keyof T]

const ofStore = {
  lookup: true, lookupStatic: true, recordOf: true, lastKeys: true, remember: true, ingest: true, publish: true, pathOf: true, entries: true, digestFile: true, knownDigest: true,
  attempt: true, clean: true, lock: true, verifyUnchanged: true, close: true,
} satisfies Record<MethodsOf<ArtifactStore>, true>
const ofExecutor = { run: true, close: true } satisfies Record<MethodsOf<Executor>, true>
const ofClock = { nowMs: true, random: true } satisfies Record<MethodsOf<Clock>, true>

/** What a plugin made in place of one of hone's own services, held to what the engine asks of it. Throws a DiagnosticError that names what is missing. */
export function heldTo({ id, name }: ServiceToken<unknown>, plugin: string, made: unknown): unknown {
  const held = <T>(what: T, methods: object): T => {
    const missing = Object.keys(methods).filter(method => typeof (what as Record<string, unknown> | undefined)?.[method] !== 'function')
    if (missing.length === 0) return what
    const hint = 'It must have each of them. A copy ({ ...store }) has no methods of a class: hand each call on to the one that it wraps.'
    throw wrong(`the ${name} of the plugin ${plugin} has no ${missing.join(', ')}`, hint)
  }
  if (id === services.clock.id) return held(made, ofClock)
  const isStore = id === services.store.id
  if (!isStore && id !== services.executor.id && !name.startsWith('executor ')) return made
  if (typeof made !== 'function') throw wrong(`the ${name} of the plugin ${plugin} is made as ${typeof made}; a function that ${isStore ? 'opens a store' : 'makes { run, close }'} is wanted`, 'Write create: () => options => …')
  return isStore
    ? async (options: Parameters<OpenStore>[0]) => held(await (made as OpenStore)(options), ofStore)
    : (options: Parameters<MakeExecutor>[0]) => held((made as MakeExecutor)(options), ofExecutor)
}

const wrong = (message: string, hint: string) => new DiagnosticError({ code: 'plugin-fault', severity: 'error', message, hint })
