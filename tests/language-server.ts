// The YAML language server that VS Code's extension runs, asked over LSP on stdio as an editor asks it. Ends with the test's process.
import { spawn, type ChildProcess } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: unknown
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

export interface Completion {
  readonly label: string
  readonly insertText?: string
  readonly documentation?: string | { readonly value: string }
}

export interface Mark {
  readonly severity: number
  readonly message: string
  readonly range: { readonly start: { readonly line: number; readonly character: number } }
}

const server = join(dirname(createRequire(import.meta.url).resolve('yaml-language-server/package.json')), 'bin/yaml-language-server')

export class LanguageServer {
  readonly #schemas: Readonly<Record<string, string>>
  readonly #child: ChildProcess
  readonly #answers = new Map<number, (message: Message) => void>()
  readonly #marks = new Map<string, (marks: readonly Mark[]) => void>()
  #received = Buffer.alloc(0)
  #lastId = 0
  #lastVersion = 0

  /** `schemas`: VS Code's setting `yaml.schemas`, a schema's URI to the files it is for. Without it only what a file names is used; nothing is fetched. */
  constructor(schemas: Readonly<Record<string, string>> = {}) {
    this.#schemas = schemas
    this.#child = spawn(process.execPath, [server, '--stdio'], { stdio: ['pipe', 'pipe', 'ignore'] })
    this.#child.stdout!.on('data', (data: Buffer) => this.#receive(data))
    process.on('exit', () => this.#child.kill('SIGKILL'))
  }

  async start(): Promise<this> {
    await this.#ask('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities: {
        textDocument: { completion: { completionItem: { snippetSupport: true, documentationFormat: ['markdown'] } }, hover: { contentFormat: ['markdown'] } },
        workspace: { configuration: true },
      },
    })
    this.#send({ method: 'initialized', params: {} })
    return this
  }

  /** The marks that an editor would draw under a file with this text. */
  async marks(file: string, text: string): Promise<readonly Mark[]> {
    const uri = pathToFileURL(file).href
    const marks = new Promise<readonly Mark[]>(done => this.#marks.set(uri, done))
    this.#send({ method: 'textDocument/didOpen', params: { textDocument: { uri, languageId: 'yaml', version: ++this.#lastVersion, text } } })
    return marks
  }

  /** What is offered where `│` stands in the text. */
  async completions(file: string, marked: string): Promise<readonly Completion[]> {
    const { text, position } = cursor(marked)
    await this.marks(file, text)
    const answer = (await this.#ask('textDocument/completion', { textDocument: { uri: pathToFileURL(file).href }, position })) as { items?: readonly Completion[] } | readonly Completion[] | null
    this.#close(file)
    return Array.isArray(answer) ? answer : ((answer as { items?: readonly Completion[] } | null)?.items ?? [])
  }

  /** What is shown over the place where `│` stands, as Markdown; '' where nothing is. */
  async hover(file: string, marked: string): Promise<string> {
    const { text, position } = cursor(marked)
    await this.marks(file, text)
    const answer = (await this.#ask('textDocument/hover', { textDocument: { uri: pathToFileURL(file).href }, position })) as { contents: { value: string } } | null
    this.#close(file)
    return answer?.contents.value ?? ''
  }

  stop(): void {
    this.#child.kill()
  }

  #close(file: string): void {
    this.#send({ method: 'textDocument/didClose', params: { textDocument: { uri: pathToFileURL(file).href } } })
  }

  #ask(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#lastId
    const answer = new Promise<unknown>((done, fail) => this.#answers.set(id, ({ result, error }) => (error ? fail(new Error(error.message)) : done(result))))
    this.#send({ id, method, params })
    return answer
  }

  #send(message: object): void {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message })
    this.#child.stdin!.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  }

  #receive(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data])
    for (;;) {
      const head = this.#received.indexOf('\r\n\r\n')
      if (head < 0) return
      const length = Number(/Content-Length: (\d+)/i.exec(this.#received.subarray(0, head).toString())![1])
      if (this.#received.length < head + 4 + length) return
      const message = JSON.parse(this.#received.subarray(head + 4, head + 4 + length).toString()) as Message
      this.#received = this.#received.subarray(head + 4 + length)
      this.#take(message)
    }
  }

  #take({ id, method, params, result, error }: Message): void {
    if (method === undefined) {
      this.#answers.get(id!)?.({ result, ...(error && { error }) })
      this.#answers.delete(id!)
    } else if (method === 'textDocument/publishDiagnostics') {
      const { uri, diagnostics } = params as { uri: string; diagnostics: readonly Mark[] }
      this.#marks.get(uri)?.(diagnostics)
      this.#marks.delete(uri)
    } else if (method === 'workspace/configuration') {
      const settings: Readonly<Record<string, unknown>> = { yaml: { validate: true, hover: true, completion: true, schemaStore: { enable: false }, schemas: this.#schemas } }
      this.#send({ id, result: (params as { items: readonly { section?: string }[] }).items.map(({ section }) => settings[section ?? ''] ?? null) })
    } else if (id !== undefined) this.#send({ id, result: null })
  }
}

function cursor(marked: string): { text: string; position: { line: number; character: number } } {
  const at = marked.indexOf('│')
  if (at < 0) throw new Error('the text has no │')
  const before = marked.slice(0, at).split('\n')
  return { text: marked.replace('│', ''), position: { line: before.length - 1, character: before.at(-1)!.length } }
}
