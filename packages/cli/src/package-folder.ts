import { fileURLToPath } from 'node:url'

/** The folder of this package: one above src and above dist, into which all modules are bundled. */
export const packageFolder = fileURLToPath(new URL('..', import.meta.url))
