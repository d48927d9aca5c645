// The composition root: the only file that imports inversify and reflect-metadata.
import 'reflect-metadata'
import { Container } from 'inversify'
import { LocalExecutor } from './execute/local-executor.js'
import { services, systemClock } from './execute/services.js'
import type { ServiceProvider, ServiceToken } from './plugin/define.js'

export interface Provided {
  readonly plugin: string
  readonly provider: ServiceProvider
}

export interface Binding {
  readonly name: string
  /** The plugin that provides it, or `hone`. */
  readonly from: string
  /** What it took the place of. */
  readonly replaces?: string
}

export interface Services {
  get<T>(token: ServiceToken<T>): T
  /** Every service that can be asked for, and who provides it. */
  readonly bindings: readonly Binding[]
}

const own = 'hone'

const builtIn: readonly Provided[] = [
  { plugin: own, provider: { token: services.executor, create: () => ({ projectRoot }: { projectRoot: string }) => new LocalExecutor({ cwd: projectRoot }) } },
  { plugin: own, provider: { token: services.clock, create: () => systemClock } },
]

/** Binds what the engine and the plugins provide, each made once when it is first asked for. A later one takes the place of an earlier. */
export function compose({ providers }: { readonly providers: readonly Provided[] }): Services {
  const container = new Container({ defaultScope: 'Singleton' })
  const bindings = new Map<symbol, Binding>()
  const making: ServiceToken<unknown>[] = []
  const get = <T>(token: ServiceToken<T>): T => {
    if (!container.isBound(token.id)) throw new Error(`no plugin provides the service "${token.name}"`)
    if (making.includes(token)) throw new Error(`the services ${[...making, token].map(t => `"${t.name}"`).join(' → ')} need one another`)
    making.push(token)
    try {
      return container.get<T>(token.id)
    } finally {
      making.pop()
    }
  }
  const chosen = new Map<symbol, Provided>()
  for (const provided of [...builtIn, ...providers]) {
    const { token } = provided.provider
    const before = chosen.get(token.id)
    chosen.set(token.id, provided)
    bindings.set(token.id, { name: token.name, from: provided.plugin, ...(before && { replaces: before.plugin }) })
  }
  // esbuild and tsx emit no decorator metadata, so nothing is injected by the types of a constructor.
  for (const [id, { provider }] of chosen) container.bind(id).toResolvedValue(() => provider.create(get) as unknown)
  return { get, bindings: [...bindings.values()] }
}
