import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const prefix = 'HONE_SECRET_'

/** The values of `secrets.NAME`: `HONE_SECRET_NAME` of the environment, else of the file `.env` at the project root, which may as well be a folder of Python's. By NAME. */
export function readSecrets(projectRoot: string, env: Readonly<Record<string, string | undefined>>): ReadonlyMap<string, string> {
  const secrets = new Map<string, string>()
  const file = join(projectRoot, '.env')
  const all = { ...(statSync(file, { throwIfNoEntry: false })?.isFile() ? parseDotenv(readFileSync(file, 'utf8')) : {}), ...env }
  for (const [name, value] of Object.entries(all)) if (name.startsWith(prefix) && value !== undefined) secrets.set(name.slice(prefix.length), value)
  return secrets
}

/** `NAME=value` a line, optionally with `export` before it and quotes around the value; in double quotes \n is a line's end. */
export function parseDotenv(text: string): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [, name, quoted, plain] of text.matchAll(/^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=[^\S\n]*(?:("(?:\\.|[^"\\])*"|'[^']*')|([^\n]*?))[^\S\n]*(?:#[^\n]*)?$/gm)) {
    if (quoted === undefined) values[name!] = plain!.replace(/\s+#.*$/, '').trim()
    else values[name!] = quoted.startsWith('"') ? quoted.slice(1, -1).replace(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign)) : quoted.slice(1, -1)
  }
  return values
}
