// node --import tsx packages/lm/scripts/build-kernels.ts
// Assembles src/train/kernels.wat into src/train/kernels.ts. Run it after an edit of the .wat; a test compares the two.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import wabt from 'wabt'

const here = (path: string) => fileURLToPath(new URL(`../src/train/${path}`, import.meta.url))

/** The bytes of the module that the source describes. */
export async function assemble(source = readFileSync(here('kernels.wat'), 'utf8')): Promise<Buffer> {
  const parsed = (await wabt()).parseWat('kernels.wat', source, { simd: true })
  try {
    parsed.validate()
    return Buffer.from(parsed.toBinary({ write_debug_names: false }).buffer)
  } finally {
    parsed.destroy()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const bytes = await assemble()
  const lines = bytes.toString('base64').match(/.{1,116}/g)!.map(line => `  '${line}'`).join(' +\n')
  writeFileSync(here('kernels.ts'), `/** The bytes of kernels.wat, ${bytes.length} of them. Written by scripts/build-kernels.ts. */\nexport const kernelBytes =\n${lines}\n`)
}
