// The composition root: the only file that imports inversify and reflect-metadata.
import { openStore } from './artifacts/store.js'
import { heldTo } from './execute/made-services.js'
import { LocalExecutor } from './execute/local-executor.js'
import { services, systemClock } from './execute/services.js'
import { defineService, isMember, type CollectionToken, type MemberProvider, type ServiceProvider, type ServiceToken } from './plugin/define.js'

export interface Provided {
  readonly plugin: string
  readonly provider: ServiceProvider | MemberProvider
}

export interface Binding {
  /** Of a service; of one of a collection with the name of that before it: `metric brevity`. */
  readonly name: string
  /** The plugin that provides it, or `hone`. */
  readonly from: string
  /** What it took the place of. */
  readonly replaces?: string
}

export interface Services {
  get<T>(token: ServiceToken<T>): T
  /** One of a collection, which is loaded when it is asked to. */
  member<T>(token: CollectionToken<T>, name: string): MemberProvider<T>
  /** Every service that can be asked for, and who provides it. */
  readonly bindings: readonly Binding[]
}

const own = 'hone'

const builtIn: readonly Provided[] = [
  { plugin: own, provider: { token: services.executor, create: () => ({ projectRoot }: { projectRoot: string }) => new LocalExecutor({ cwd: projectRoot }) } },
  { plugin: own, provider: { token: services.store, create: () => openStore } },
  { plugin: own, provider: { token: services.clock, create: () => systemClock } },
]

/** Binds what the engine and the plugins provide, each made once when it is first asked for. A later one takes the place of an earlier. */
export async function compose({ providers }: { readonly providers: readonly Provided[] }): Promise<Services> {
  await import('reflect-metadata')
  const { Container } = await import('inversify')
  const container = new Container({ defaultScope: 'Singleton' })
  const bindings = new Map<symbol, Binding>()
  // By their ids: each who asks may have made its own token.
  const making = new Map<symbol, string>()
  const get = <T>(token: ServiceToken<T>): T => {
    if (!container.isBound(token.id)) throw new Error(`no plugin provides the service "${token.name}"`)
    if (making.has(token.id)) throw new Error(`the services ${[...making.values(), token.name].map(name => `"${name}"`).join(' → ')} need one another`)
    making.set(token.id, token.name)
    try {
      return container.get<T>(token.id)
    } finally {
      making.delete(token.id)
    }
  }
  const chosen = new Map<symbol, () => unknown>()
  const choose = (id: symbol, name: string, from: string, make: () => unknown) => {
    const before = bindings.get(id)
    chosen.set(id, make)
    bindings.set(id, { name, from, ...(before && { replaces: before.from }) })
  }
  const memberName = ({ name: collection }: ServiceToken<unknown>, name: string) => `${collection} ${name}`
  for (const { plugin, provider } of [...builtIn, ...providers]) {
    if (isMember(provider)) choose(Symbol.for(`hone:${memberName(provider.token, provider.name)}`), memberName(provider.token, provider.name), plugin, () => provider)
    else choose(provider.token.id, provider.token.name, plugin, () => (plugin === own ? provider.create(get) : heldTo(provider.token, plugin, provider.create(get))) as unknown)
  }
  // esbuild and tsx emit no decorator metadata, so nothing is injected by the types of a constructor.
  for (const [id, make] of chosen) container.bind(id).toResolvedValue(make)
  return { get, member: (token, name) => get(defineService(memberName(token, name))), bindings: [...bindings.values()] }
}
