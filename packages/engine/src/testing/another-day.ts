const aheadMs = 400 * 86_400_000

/** Runs `body` as on a later day and in another time zone, which no result may depend on. The clock that measures (`performance.now`) goes as it goes. */
export async function onAnotherDay<T>(body: () => Promise<T>): Promise<T> {
  const { Date: real } = globalThis
  const zone = process.env['TZ']
  const now = () => real.now() + aheadMs
  globalThis.Date = new Proxy(real, {
    construct: (target, args, made) => Reflect.construct(target, args.length === 0 ? [now()] : args, made) as object,
    apply: () => new real(now()).toString(),
    get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
  })
  process.env['TZ'] = zone === 'Asia/Kathmandu' ? 'UTC' : 'Asia/Kathmandu'
  try {
    return await body()
  } finally {
    globalThis.Date = real
    if (zone === undefined) delete process.env['TZ']
    else process.env['TZ'] = zone
  }
}
