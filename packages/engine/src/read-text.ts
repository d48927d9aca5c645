import { isUtf8 } from 'node:buffer'
import { readFile, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { refusal, type Result } from './diagnostics/result.js'
import { nearest } from './diagnostics/suggestion.js'

type ReadText = 'pipeline' | 'file of parameters'

/** A file of more is a mistake in its name, whatever it holds; 100,000 stages written out are about 6 MiB. */
const mostMiB = 32

/** The text of a file that somebody named; what is wrong with it is told with what may have been meant. */
export async function readText(file: string, what: ReadText): Promise<Result<string>> {
  try {
    const { size } = await stat(file)
    if (size > mostMiB * 2 ** 20) return refusal('no-file', `the ${what} ${file} has ${Math.round(size / 2 ** 20).toLocaleString('en')} MiB, more than the ${mostMiB} that are read`, 'Name a file of YAML here; data belongs in files that parameters name.')
    const bytes = await readFile(file)
    if (!isUtf8(bytes)) return refusal('no-file', `the ${what} ${file} is not text in UTF-8`, 'Save it as UTF-8.')
    return { ok: true, value: bytes.toString('utf8'), diagnostics: [] }
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException
    if (code === 'ENOENT') return refusal('no-file', `there is no ${what} ${file}`, await whatThereIs(file, what))
    if (code === 'EISDIR') return refusal('no-file', `the ${what} ${file} is a folder`, await whatThereIs(join(file, 'pipeline.yaml'), what))
    return refusal('no-file', `the ${what} ${file} cannot be read: ${(e as Error).message}`)
  }
}

/** What may have been meant, or how to come to a first file. */
async function whatThereIs(file: string, what: ReadText): Promise<string | undefined> {
  const files = (await readdir(dirname(file)).catch(() => [])).filter(name => /\.ya?ml$/.test(name))
  const near = nearest(basename(file), files)
  if (near !== undefined) return `Did you mean "${join(relative(process.cwd(), dirname(file)), near)}"?`
  return files.length === 0 && what === 'pipeline' ? '`hone init` makes a project to start from.' : undefined
}
