import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const prefix = 'HONE_SECRET_'

/** The values of `secrets.NAME`: `HONE_SECRET_NAME` of the environment, else of `.env` at the project root. By NAME. */
export function readSecrets(projectRoot: string, env: Readonly<Record<string, string | undefined>>): ReadonlyMap<string, string> {
  const secrets = new Map<string, string>()
  const file = join(projectRoot, '.env')
  const all = { ...(existsSync(file) ? parseDotenv(readFileSync(file, 'utf8')) : {}), ...env }
  for (const [name, value] of Object.entries(all)) if (name.startsWith(prefix) && value !== undefined) secrets.set(name.slice(prefix.length), value)
  return secrets
}

/** `NAME=value` a line, optionally with `export` before it and quotes around the value; in double quotes \n is a line's end. */
export function parseDotenv(text: string): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [, name, quoted, plain] of text.matchAll(/^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=[^\S\n]*(?:("(?:\\.|[^"\\])*"|'[^']*')|([^\n]*?))[^\S\n]*(?:#[^\n]*)?$/gm)) {
    if (quoted === undefined) values[name!] = plain!.replace(/\s+#.*$/, '').trim()
    else values[name!] = quoted.startsWith('"') ? quoted.slice(1, -1).replaceAll('\\n', '\n').replace(/\\(.)/g, '$1') : quoted.slice(1, -1)
  }
  return values
}
