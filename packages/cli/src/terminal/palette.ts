import pc from 'picocolors'

export type Palette = ReturnType<typeof pc.createColors>

/** Colours for a stream: none when it is no terminal, or `NO_COLOR` is set; `FORCE_COLOR` asks for them all the same. */
export function paletteFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): Palette {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0'
  return pc.createColors(!env.NO_COLOR && (forced || (stream.isTTY === true && env.TERM !== 'dumb')))
}
