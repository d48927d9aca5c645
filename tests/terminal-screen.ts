// A command in a real pseudo-terminal of a given size, and what stands on its screen: xterm.js reads what a terminal would.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import xterm from '@xterm/headless'

/** `script` of util-linux makes the pseudo-terminal. */
export const hasPseudoTerminals = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') === true

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`

export class TerminalScreen {
  readonly ended: Promise<number | null>
  readonly columns: number
  readonly #terminal: InstanceType<typeof xterm.Terminal>
  readonly #child: ChildProcess
  /** All that was written, escape sequences too. */
  written = ''

  constructor(command: readonly string[], options: { columns: number; rows: number; cwd: string; env?: Readonly<Record<string, string>> }) {
    const { columns, rows, cwd, env = {} } = options
    this.columns = columns
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 1000 })
    const line = `stty cols ${columns} rows ${rows}; exec ${command.map(quoted).join(' ')}`
    const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(HONE_|NODE_|NO_COLOR$|FORCE_COLOR$|CI$)/.test(name)))
    this.#child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], { cwd, env: { ...kept, TERM: 'xterm-256color', ...env }, stdio: ['pipe', 'pipe', 'ignore'] })
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.written += text
      this.#terminal.write(text)
    })
    this.ended = new Promise(done => this.#child.on('close', code => this.#terminal.write('', () => done(code))))
    process.on('exit', () => this.#child.kill('SIGKILL'))
  }

  /** Closes the terminal under the command. */
  close(): void {
    this.#child.kill('SIGKILL')
  }

  /** What is typed, for example `\x03` for Ctrl-C. */
  type(text: string): void {
    this.#child.stdin!.write(text)
  }

  /** Everything from the first line on, what was scrolled away too; without the empty lines at the end. */
  get lines(): string[] {
    const { active } = this.#terminal.buffer
    const all = Array.from({ length: active.length }, (_, i) => active.getLine(i)!.translateToString(true))
    return all.slice(0, all.findLastIndex(line => line !== '') + 1)
  }

  /** Lines that go on in the next since they are wider than the terminal. */
  get broken(): string[] {
    const { active } = this.#terminal.buffer
    return Array.from({ length: active.length }, (_, i) => active.getLine(i)!).filter(line => line.isWrapped).map(line => line.translateToString(true))
  }
}
